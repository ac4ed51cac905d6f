"""The sale's parts, one by one. (In any order: test_disorder.py; from end to end: test_end_to_end.py; while
processes are killed: tests/flash_sale.)"""

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from engine import Command, Event
from engine.testing import given
from examples.flash_sale.article import Article
from examples.flash_sale.checkout import Checkout
from examples.flash_sale.messages import (
    AcceptPayment,
    AwaitPayment,
    CancelOrder,
    CompleteOrder,
    ExpireOrder,
    OrderCancelled,
    OrderCompleted,
    OrderExpired,
    OrderPaid,
    OrderPlaced,
    OrderRejected,
    OrderReserved,
    Pay,
    PaymentReceived,
    PaymentRefunded,
    PaymentRequested,
    PlaceOrder,
    PutOnSale,
    Refund,
    RejectOrder,
    Release,
    RequestPayment,
    Reserve,
    Sell,
    UnitsReleased,
    UnitsReserved,
    UnitsSold,
    WentOnSale,
    payment_of,
)
from examples.flash_sale.order import Order
from examples.flash_sale.payment import Payment
from examples.flash_sale.shop import Shop

ROOT = Path(__file__).parents[2]
QUARTER = timedelta(minutes=15)
T = datetime(2030, 3, 17, 17, 46, 40, tzinfo=UTC)
ON_SALE = WentOnSale(units=2, price=10, pay_within_s=900.0)
HELD = UnitsReserved(order="o", units=1, amount=10, pay_by=T)
PLACED = OrderPlaced(article="guitar", units=1)
RESERVED = OrderReserved(amount=10, pay_by=T)
PAID = OrderPaid(article="guitar")
AWAIT = AwaitPayment("o", article="guitar", amount=10, pay_by=T)
AWAIT_FREE = AwaitPayment("o", article="guitar", amount=0, pay_by=T)
TILL = payment_of("o")


def test_an_article_reserves_what_is_left_and_says_when_it_is_to_be_paid() -> None:
    story = given(Article, ON_SALE).when(Reserve("guitar", order="o", units=1), at=T - QUARTER)
    story.then(HELD).state(free=1)
    story.when(Reserve("guitar", order="p", units=2)).rejected("sold-out")
    story.when(Reserve("guitar", order="o", units=1)).rejected("held-already")
    story.when(Reserve("guitar", order="p", units=0)).rejected("sold-out")


def test_what_is_held_is_sold_or_released_once() -> None:
    story = given(Article, ON_SALE, HELD).when(Release("guitar", order="o"))
    story.then(UnitsReleased(order="o", units=1)).state(free=2, held={})
    story.when(Release("guitar", order="o")).unchanged().when(Sell("guitar", order="o")).rejected("not-held")
    story = given(Article, ON_SALE, HELD).when(Sell("guitar", order="o")).then(UnitsSold(order="o", units=1))
    story.state(free=1, held={}).when(Sell("guitar", order="o")).rejected("not-held")


@pytest.mark.parametrize(("units", "price", "pay_within_s"), [(0, 1, 1.0), (1, -1, 1.0), (1, 1, 0.0)])
def test_a_sale_that_makes_no_sense_is_refused(units: int, price: int, pay_within_s: float) -> None:
    on_sale = PutOnSale("guitar", units=units, price=price, pay_within_s=pay_within_s)
    given(Article).when(on_sale).rejected("bad-sale")


def test_an_order_goes_from_placed_to_completed() -> None:
    story = given(Order).when(PlaceOrder("o", article="guitar")).then(PLACED)
    story.when(AWAIT).then(RESERVED).when(AcceptPayment("o")).then(PAID)
    story.when(CompleteOrder("o")).then(OrderCompleted())


def test_a_free_order_is_reserved_and_paid_by_one_command() -> None:
    given(Order, PLACED).when(AWAIT_FREE).then(OrderReserved(amount=0, pay_by=T), PAID)


CANCELLED = OrderCancelled(article="guitar", held=True)
EXPIRED = OrderExpired(article="guitar")
NO = "not-wanted"


@pytest.mark.parametrize(
    ("before", "command", "expected"),
    [
        ([PLACED], CancelOrder("o"), OrderCancelled(article="guitar", held=False)),
        ([PLACED, RESERVED], CancelOrder("o"), CANCELLED),
        ([PLACED, RESERVED, CANCELLED], CancelOrder("o"), None),
        ([PLACED, RESERVED, PAID], CancelOrder("o"), "too-late"),
        ([PLACED, RESERVED, EXPIRED], CancelOrder("o"), "too-late"),
        ([PLACED, RESERVED], ExpireOrder("o"), EXPIRED),
        ([PLACED], ExpireOrder("o"), None),
        ([PLACED, RESERVED, PAID], ExpireOrder("o"), None),
        ([PLACED, RESERVED, CANCELLED], ExpireOrder("o"), None),
        ([PLACED, RESERVED, EXPIRED], ExpireOrder("o"), None),
        ([PLACED], RejectOrder("o", reason="x"), OrderRejected(reason="x", paid=False)),
        ([PLACED, RESERVED], RejectOrder("o", reason="x"), None),
        (
            [PLACED, RESERVED, PAID],
            RejectOrder("o", reason="x"),
            OrderRejected(reason="x", paid=True),
        ),
        ([PLACED, RESERVED, EXPIRED], AcceptPayment("o"), "order-closed"),
        ([PLACED, RESERVED, CANCELLED], AcceptPayment("o"), "order-closed"),
        ([PLACED], AcceptPayment("o"), "order-closed"),
        ([PLACED, RESERVED, PAID], AcceptPayment("o"), None),
        ([PLACED, RESERVED, PAID, OrderCompleted()], AcceptPayment("o"), None),
        ([PLACED, RESERVED], AWAIT, NO),
        ([PLACED, RESERVED, CANCELLED], AWAIT, NO),
        ([PLACED], AwaitPayment("o", article="another", amount=10, pay_by=T), NO),
        ([PLACED], CompleteOrder("o"), None),
        ([PLACED, RESERVED, PAID, OrderCompleted()], CompleteOrder("o"), None),
    ],
)
def test_each_step_at_each_moment(
    before: list[Event], command: Command, expected: Event | str | None
) -> None:
    story = given(Order, *before).when(command)
    if expected is None:
        story.unchanged()
    elif isinstance(expected, str):
        story.rejected(expected)
    else:
        story.then(expected)


def test_money_comes_in_once_and_goes_back_once() -> None:
    story = given(Payment).when(RequestPayment(TILL, order="o", amount=10))
    story.then(PaymentRequested(order="o", amount=10)).when(Refund(TILL)).unchanged()
    story.when(Pay(TILL)).then(PaymentReceived(order="o", amount=10)).when(Pay(TILL)).unchanged()
    story.when(Refund(TILL)).then(PaymentRefunded(order="o", amount=10)).when(Refund(TILL)).unchanged()
    story.when(Pay(TILL)).rejected("refunded")


def test_the_checkout_takes_an_order_to_its_end() -> None:
    checkout = given().process_manager(Checkout).when(("o", PLACED))
    checkout.sends(Reserve("guitar", order="o", units=1))
    checkout.when(("guitar", HELD)).sends(AWAIT)
    checkout.when(("o", RESERVED), at=T - QUARTER)
    checkout.sends(RequestPayment(TILL, order="o", amount=10))
    checkout.sets_timer(ExpireOrder("o"), minutes=15, key="o")
    checkout.when((TILL, PaymentReceived(order="o", amount=10))).sends(AcceptPayment("o"))
    checkout.when(("o", PAID)).sends(Sell("guitar", order="o")).has_no_timer()
    checkout.when(("guitar", UnitsSold(order="o", units=1))).sends(CompleteOrder("o"))


def test_an_order_that_is_not_paid_expires_when_its_time_is_over() -> None:
    checkout = given().process_manager(Checkout).when(("o", RESERVED), at=T - QUARTER)
    checkout.time_passes(minutes=14).sends_nothing()
    checkout.time_passes(minutes=2).sends(ExpireOrder("o")).has_no_timer()
    checkout.when(("o", EXPIRED)).sends(Release("guitar", order="o"))


def test_what_is_refused_is_undone() -> None:
    checkout = given().process_manager(Checkout).when(("o", PLACED)).when_refused(Reserve, "sold-out")
    checkout.sends(RejectOrder("o", reason="sold-out"))
    checkout = given().process_manager(Checkout).when(("guitar", HELD)).when_refused(AwaitPayment, NO)
    checkout.sends(Release("guitar", order="o"))
    checkout = given().process_manager(Checkout).when((TILL, PaymentReceived(order="o", amount=10)))
    checkout.when_refused(AcceptPayment, "order-closed").sends(Refund(TILL))
    checkout = given().process_manager(Checkout).when(("o", PAID)).when_refused(Sell, "not-held")
    checkout.sends(RejectOrder("o", reason="not-held"))


def test_what_ends_otherwise_gives_back_what_it_has() -> None:
    checkout = given().process_manager(Checkout).when(("o", RESERVED)).when(("o", CANCELLED))
    checkout.sends(Release("guitar", order="o")).has_no_timer()
    checkout = given().process_manager(Checkout).when(("o", OrderCancelled(article="guitar", held=False)))
    checkout.sends_nothing()
    checkout.when(("o", OrderRejected(reason="sold-out", paid=False)))
    checkout.sends_nothing()
    checkout.when(("o", OrderRejected(reason="not-held", paid=True)))
    checkout.sends(Refund(TILL))


def test_a_free_order_asks_for_no_payment_and_sets_no_timer() -> None:
    checkout = given().process_manager(Checkout).when(("o", [OrderReserved(amount=0, pay_by=T), PAID]))
    checkout.sends(Sell("guitar", order="o")).has_no_timer()


def test_the_shop_shows_orders_from_the_moment_they_are_placed() -> None:
    view = given(("guitar", ON_SALE), ("o", PLACED), ("p", PLACED), ("guitar", HELD)).project(Shop)
    view.shows("order", {"id": "o"}, {"status": "processing", "refunded": 0}).shows(
        "totals", {}, {"processing": 2}
    )
    view.shows("article", {"id": "guitar"}, {"free": 1, "held": 1, "sold": 0}).shows(
        "order", {"id": "x"}, None
    )
    refunded = PaymentRefunded(order="o", amount=10)
    view = given(("o", PLACED), ("o", RESERVED), ("o", EXPIRED), (TILL, refunded)).project(Shop)
    view.shows("order", {"id": "o"}, {"status": "expired", "refunded": 10}).shows(
        "totals", {}, {"expired": 1}
    )


@pytest.mark.slow
def test_the_program_shows_every_end_that_an_order_can_have() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "examples.flash_sale"], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    told = done.stdout.splitlines()
    assert told[-3:] == [
        "guitars: {'free': 3, 'held': 0, 'sold': 7}",
        "orders: {'cancelled': 1, 'completed': 8, 'expired': 2, 'rejected': 90}",
        "audit: 101 orders, 0 broken rules",
    ], done.stdout + done.stderr
