"""Outcomes: what a handler may answer besides an event."""

import pytest

from engine import Decided, Event, Rejection, reject


class Happened(Event, name="happened"):
    pass


def test_a_rejection_has_a_code_for_programs_and_a_message_for_people() -> None:
    no = reject("sold-out", "nothing left")
    assert (no.code, no.message) == ("sold-out", "nothing left")
    assert reject("closed").message == ""


def test_a_rejection_can_be_raised_from_deep_inside() -> None:
    with pytest.raises(Rejection) as caught:
        raise reject("sold-out")
    assert caught.value.code == "sold-out"


def test_a_decision_carries_events_and_a_result() -> None:
    decided = Decided([Happened()], result={"ticket": 7})
    assert (decided.events, decided.result) == ([Happened()], {"ticket": 7})
    assert Decided(Happened()).result is None
