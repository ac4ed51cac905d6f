"""The whole way of the money, with a provider that behaves as it is told."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain_12306.aggregates.order import State
from domain_12306.app import create
from domain_12306.messages import ORDER, OpenRun
from domain_12306.rules.times import moment
from domain_12306.tickets import NotPaid, Tickets
from domain_12306.views.orders import OrderShown, Tab
from domain_12306.workers.payments import Payments
from domain_12306.workers.provider import Answer, Paid
from engine import Engine, OutcomeError
from engine.base.instants import nanoseconds
from engine.model.workers import WorkerSpec
from engine.testing import InlineEngine

DAY = "2026-11-25"
STEPS = ("pay", "cancel", "wait", "restart")
STOPS = [("a", 540, 540), ("b", 600, 605), ("c", 660, 660)]


@contextmanager
def railway(provider: str | Engine) -> Iterator[tuple[InlineEngine, Tickets]]:
    """A train with four seats, and a user."""
    app = create({"provider": provider, "calendar": "off"}) if isinstance(provider, str) else provider
    start_ns = nanoseconds(moment("2026-11-24", 480))
    with InlineEngine(app, start_ns=start_ns) as engine, engine.client() as client:
        assert client.send(OpenRun(f"T1/{DAY}", composition=[(1, "O", 4)], stops=STOPS)).ok
        engine.settle()
        yield engine, Tickets(client, "u")


def ordered(tickets: Tickets, number: int) -> OrderShown:
    (train,) = tickets.search("a", "c", DAY)
    return tickets.order(train, "O", [f"p-{number}"], order=f"{ORDER}{number}")


def test_what_is_paid_is_with_the_provider() -> None:
    with railway("twice=1") as (engine, tickets):
        order = ordered(tickets, 1)
        assert tickets.pay(order.order).state is State.TICKETED
        engine.time_passes(minutes=1)
        assert engine.query(Payments.balance) == order.amount == tickets.orders()[0].paid


def test_a_charge_that_is_declined_can_be_tried_again() -> None:
    with railway("decline=1") as (engine, tickets):
        order = ordered(tickets, 1).order
        for _ in range(2):
            with pytest.raises(NotPaid, match="insufficient-funds"):
                tickets.pay(order)
        engine.time_passes(minutes=31)
        shown = tickets.show(order)
        assert shown is not None
        assert (shown.state, shown.paid, engine.query(Payments.balance)) == (State.EXPIRED, 0, 0)


def test_an_order_can_be_cancelled_after_a_charge_that_was_declined() -> None:
    with railway("decline=1") as (_, tickets):
        order = ordered(tickets, 1).order
        with pytest.raises(NotPaid):
            tickets.pay(order)
        assert tickets.cancel(order).state is State.CANCELLED


def test_what_is_over_is_told_by_the_clock_that_is_given() -> None:
    with railway("") as (_, tickets):
        order = ordered(tickets, 1)
        tickets.pay(order.order)
        before, after = (order.departs + timedelta(minutes=late) for late in (-1, 0))
        assert [one.order for one in tickets.orders(Tab.UPCOMING, now=before)] == [order.order]
        assert [one.order for one in tickets.orders(Tab.HISTORY, now=after)] == [order.order]


class Careless:
    """A provider that takes another amount than it was asked for, and reports money that is for nothing."""

    def __init__(self) -> None:
        self.reported = [Paid("order-unknown", "for-nothing", 700)]
        self.given_back: dict[str, tuple[str, int]] = {}
        self.failures = 1

    def charge(self, key: str, payment: str, amount: int) -> Answer:
        return Paid(payment, "too-little", amount - 1)

    def refund(self, key: str, receipt: str, amount: int) -> None:
        if self.failures and receipt == "too-little":
            self.failures -= 1
            raise ConnectionError("the bank does not answer")
        self.given_back[key] = receipt, amount

    def reports(self) -> list[Paid]:
        return list(self.reported)

    def noted(self, receipt: str) -> None:
        self.reported.clear()

    def coming(self) -> int:
        return 0

    def balance(self) -> int:
        return 0


def test_money_that_is_not_taken_goes_back_to_the_provider() -> None:
    provider, app = Careless(), create({"calendar": "off"})
    app.workers["payments"] = WorkerSpec("payments", lambda: Payments(lambda folder, now: provider), Payments)
    with railway(app) as (engine, tickets):
        order = ordered(tickets, 1)
        with pytest.raises(TimeoutError):
            tickets.pay(order.order)
        for _ in range(3):
            engine.time_passes(seconds=1)
        assert sorted(provider.given_back.values()) == [("for-nothing", 700), ("too-little", 1_999)]
        shown = tickets.show(order.order)
        assert shown is not None
        assert (shown.state, shown.paid, provider.reported) == (State.AWAITING_PAYMENT, 0, [])


def test_money_that_comes_after_the_order_has_expired_goes_back_to_the_provider() -> None:
    with railway("late=1") as (engine, tickets):
        order = ordered(tickets, 1).order
        with pytest.raises(TimeoutError):
            tickets.pay(order)
        shown = tickets.show(order)
        assert shown is not None
        assert shown.state is State.AWAITING_PAYMENT
        engine.time_passes(timedelta(minutes=30))
        shown = tickets.show(order)
        assert shown is not None
        kept = shown.amount if shown.state is State.TICKETED else 0
        assert shown.paid == engine.query(Payments.balance) == kept


@settings(max_examples=15, deadline=None)
@given(
    provider=st.sampled_from(["", "decline=0.5,twice=0.3", "late=0.5,never=0.3", "decline=0.2,late=0.4"]),
    steps=st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 3)), max_size=20),
)
def test_whatever_the_provider_does_it_has_what_tickets_cost(
    provider: str, steps: list[tuple[str, int]]
) -> None:
    with railway(provider) as (engine, tickets):
        orders = [ordered(tickets, number) for number in range(4)]
        for step, number in steps:
            order = orders[number].order
            if step == "wait":
                engine.time_passes(minutes=3)
            elif step == "restart":
                engine.restart(kill=True)
            else:
                try:
                    tickets.pay(order) if step == "pay" else tickets.cancel(order)
                except (NotPaid, TimeoutError, OutcomeError):
                    engine.settle()
        for _ in range(3):
            engine.time_passes(minutes=31)
        shown = [one for order in orders if (one := tickets.show(order.order)) is not None]
        kept = sum(one.amount for one in shown if one.state is State.TICKETED)
        assert {one.state for one in shown} <= {State.TICKETED, State.CANCELLED, State.EXPIRED}
        assert engine.query(Payments.balance) == kept == sum(one.paid for one in shown)
