"""The kit: what it accepts, and that it finds what it is there to find."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from engine.testing import given
from tests.unit.engine.testing.domain import (
    Account,
    Balances,
    Basket,
    Cheat,
    Collector,
    Deposit,
    Deposited,
    Draw,
    Filled,
    Forgetful,
    Last,
    Put,
    PutIn,
    Remind,
    Withdraw,
    Withdrawn,
)


def test_an_aggregate_is_told_events_and_commands_and_its_answers_are_compared() -> None:
    story = given(Account, Deposited(10), [Deposited(5), Withdrawn(3)])
    story.when(Withdraw("a", amount=12)).then(Withdrawn(12)).result(0).state(balance=0)
    story.when(Withdraw("a", amount=1)).rejected("too-little")
    story.when(Deposit("a", amount=0)).unchanged()
    story.when(Cheat("a", how="raise")).failed()


def test_the_state_that_events_make_can_be_claimed_without_a_command() -> None:
    given(Account, Deposited(10), [Deposited(5), Withdrawn(3)]).state(balance=12)
    stored = given(Account, {"type": "account.deposited", "amount": 2}).state(balance=2)
    stored.when(Deposit("a", amount=1)).state(balance=3)
    with pytest.raises(AssertionError, match="balance is 10, expected 9"):
        given(Account, Deposited(10)).state(balance=9)
    with pytest.raises(AssertionError, match="there is no aggregate: it has no events"):
        given(Account).state(balance=0)


def test_a_command_for_an_aggregate_that_is_not_there_fails() -> None:
    given(Account).when(Withdraw("a", amount=1)).failed("aggregate-unknown")


@pytest.mark.parametrize(
    ("claim", "says"),
    [
        (lambda story: story.then(Withdrawn(3)), "expected events"),
        (lambda story: story.then(), "committed:"),
        (lambda story: story.rejected("too-little"), "expected rejected too-little, found committed"),
        (lambda story: story.result(7), "expected the result 7, found 8"),
        (lambda story: story.state(balance=7), "balance is 8, expected 7"),
    ],
)
def test_a_wrong_claim_about_an_aggregate_says_what_is_so(claim: Callable[[Any], Any], says: str) -> None:
    story = given(Account, Deposited(10)).when(Withdraw("a", amount=2))
    with pytest.raises(AssertionError, match=says):
        claim(story)


@pytest.mark.parametrize("how", ["in-decide", "and-refuse"])
def test_state_that_is_changed_outside_apply_is_found(how: str) -> None:
    with pytest.raises(AssertionError, match=r"state changed outside apply, by Cheat[^$]*balance: live 11"):
        given(Account, Deposited(10)).when(Cheat("a", how=how))


def test_a_decision_by_chance_is_found() -> None:
    with pytest.raises(AssertionError, match=r"Draw is decided otherwise when it is decided again.*\s+first"):
        given(Basket).when(Draw("b"))


def test_an_event_that_is_changed_after_it_was_decided_is_found() -> None:
    """A node encodes the events of many commands together: the first one would be stored with the second."""
    story = given(Basket).when(Put("b", what="egg")).then(Filled(["egg"]))
    with pytest.raises(AssertionError, match=r"an event was changed after it was decided[^$]*egg..[^$]*ham"):
        story.when(Put("b", what="ham"))


def test_an_event_of_another_moment_is_encoded_before_anything_can_change_it() -> None:
    story = given(Basket).when(Put("b", what="egg"), at=datetime(2030, 1, 1, tzinfo=UTC))
    story.when(Put("b", what="ham"), at=datetime(2030, 1, 1, 0, 0, 1, tzinfo=UTC)).then(PutIn("ham"))


def test_state_that_a_snapshot_loses_is_found() -> None:
    story = given(Basket, Filled(["egg"]), PutIn("last"))
    with pytest.raises(AssertionError, match="Put is decided otherwise after it was saved and loaded"):
        story.when(Put("b", what="ham"))


def test_state_that_all_aggregates_share_is_found() -> None:
    try:
        with pytest.raises(AssertionError, match=r"Put changed Basket.shared, which all aggregates share"):
            given(Basket, Filled(["egg"])).when(Put("b", what="shared"))
    finally:
        Basket.shared.clear()


def test_a_process_manager_is_told_events_and_what_it_sends_is_compared() -> None:
    story = given(("a", Deposited(10))).process_manager(Collector)
    story.when(("a", Withdrawn(4))).sends(Remind("a", text="now"))
    story.sets_timer(Remind("a", text="late"), timedelta(minutes=30), key="a").state("a", 4)
    story.time_passes(timedelta(minutes=29)).sends_nothing()
    story.time_passes(minutes=2).sends(Remind("a", text="late")).has_no_timer()


def test_a_timer_that_was_cancelled_does_not_fire() -> None:
    story = given(("a", Withdrawn(4))).process_manager(Collector)
    story.when(("a", Deposited(1))).sends_nothing().has_no_timer()
    story.time_passes(minutes=31).sends_nothing()


def test_a_refusal_reaches_its_handler() -> None:
    story = given().process_manager(Collector).when(("a", Withdrawn(4)))
    story.when_refused(Remind, "busy").sends(Deposit("a", amount=4))


def test_a_handler_of_a_process_manager_that_raises_raises_in_the_test() -> None:
    with pytest.raises(ValueError, match="less than nothing"):
        given().process_manager(Collector).when(Deposited(-1))


@pytest.mark.parametrize(
    ("claim", "says"),
    [
        (lambda story: story.sends_nothing(), "expected to be sent: nothing"),
        (lambda story: story.sets_timer(Remind("a", text="late"), minutes=31), "expected a timer of 1860"),
        (lambda story: story.has_no_timer(), "timers are set"),
        (lambda story: story.when_refused(Deposit, "no"), "is on its way"),
        (lambda story: story.state("a", 5), "is 4, expected 5"),
    ],
)
def test_a_wrong_claim_about_a_process_manager_says_what_is_so(
    claim: Callable[[Any], Any], says: str
) -> None:
    story = given().process_manager(Collector).when(("a", Withdrawn(4)))
    with pytest.raises(AssertionError, match=says):
        claim(story)


def test_a_view_shows_the_same_in_whatever_order_events_of_different_aggregates_come() -> None:
    both = [Withdrawn(4), Deposited(1)]
    view = given(("a", Deposited(10)), ("b", Deposited(7)), ("a", both)).project(Balances)
    view.shows("balance", {"account": "a"}, 7).shows("balance", {"account": "b"}, 7)


def test_a_view_that_relies_on_the_order_across_aggregates_is_found() -> None:
    view = given(*((name, Deposited(1)) for name in "abcdef")).project(Last)
    with pytest.raises(AssertionError, match=r"as delivered, events in the order [a-f, ]*; seed=1"):
        view.shows("last", {"account": ""}, "f")


def test_a_view_that_does_not_save_what_it_knows_is_found() -> None:
    with pytest.raises(AssertionError, match=r"shows 0, expected 1 .after a restart"):
        given(Deposited(1)).project(Forgetful).shows("count", {"account": ""}, 1)


def test_a_wrong_claim_about_a_view_says_what_is_so() -> None:
    with pytest.raises(AssertionError, match="balance shows 1, expected 2"):
        given(("a", Deposited(1))).project(Balances).shows("balance", {"account": "a"}, 2)


def test_a_class_that_is_registered_nowhere_is_named() -> None:
    class Stray(Balances): ...

    with pytest.raises(LookupError, match="Stray is registered on no application"):
        given(Deposited(1)).project(Stray)
