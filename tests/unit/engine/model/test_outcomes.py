"""Outcomes: what a handler may answer besides an event."""

from typing import Any

import pytest

from engine import ApplicationMessage, Decided, Event, Rejection, reject
from engine.model.outcomes import bad_decision


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


def test_a_rejection_is_made_of_texts() -> None:
    number: Any = 7
    for code, message in ((number, ""), ("sold-out", number)):
        with pytest.raises(TypeError, match="both texts"):
            reject(code, message)


def test_a_decision_carries_events_and_a_result() -> None:
    decided = Decided([Happened()], result={"ticket": 7})
    assert (decided.events, decided.result) == ([Happened()], {"ticket": 7})
    assert Decided(Happened()).result is None


class Told(ApplicationMessage, name="told"):
    pass


class Thing:
    def decide(self) -> None: ...


HOW = "return an event, several in a list, a Rejection, Decided or None"


@pytest.mark.parametrize(
    ("returned", "said"),
    [
        ("sold", f"Thing.decide returned a value of type str: {HOW}"),
        ({"sold": 1}, f"Thing.decide returned a value of type dict: {HOW}"),
        (
            Happened(),
            "Thing.decide returned Happened, which its aggregate does not apply: "
            "mark a method with @applies(Happened)",
        ),
        (
            Told(),
            "Thing.decide returned Told, which is not registered: put @app.message above it",
        ),
    ],
)
def test_what_is_no_decision_is_told_with_its_method(returned: object, said: str) -> None:
    assert str(bad_decision(Thing.decide, returned)) == said
