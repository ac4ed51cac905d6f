"""Bank and flash sale keep their rules in whatever order things happen, and whatever a stranger sends."""

import pytest

from engine import Command
from engine.base.instants import instant
from examples import bank_transfer, flash_sale
from examples.bank_transfer.audit import audit
from examples.bank_transfer.messages import FinishTransfer, OpenAccount, StartTransfer, Withdraw
from examples.flash_sale.audit import ENDS, Sale
from examples.flash_sale.messages import (
    AcceptPayment,
    AwaitPayment,
    CancelOrder,
    ExpireOrder,
    Pay,
    PlaceOrder,
    PutOnSale,
    Refund,
    RejectOrder,
    Release,
    RequestPayment,
    Reserve,
    payment_of,
)
from tests.examples.world import START_NS, World


@pytest.mark.parametrize("seed", range(20))
def test_no_money_is_lost_or_made_in_whatever_order_the_steps_are_taken(seed: int) -> None:
    world = World(bank_transfer.app, seed)
    names = [f"account-{number}" for number in range(5)]
    for name in names:
        world.wish(OpenAccount(name, amount=100))
    world.settle()
    for number in range(60):
        source, target = world.draw.sample([*names, "nobody"], 2)
        amount = world.draw.randint(1, 60)
        world.wish(StartTransfer(f"transfer-{number}", source=source, target=target, amount=amount))
    world.settle()
    assert list(audit(world.history)) == []
    ends = {commit.events[0]["type"] for commit in world.history}
    assert {"transfer.finished", "transfer.failed", "account.returned"} <= ends


@pytest.mark.parametrize("seed", range(5))
def test_a_client_that_bypasses_the_clerk_gets_the_money_back_and_stalls_no_transfer(seed: int) -> None:
    world = World(bank_transfer.app, seed)
    world.wish(OpenAccount("a", amount=100))
    world.wish(OpenAccount("b", amount=100))
    world.settle()
    world.wish(Withdraw("a", transfer="nobody-started-it", amount=50))
    world.wish(FinishTransfer("nobody-started-it"))
    world.wish(StartTransfer("t", source="a", target="b", amount=100))
    world.settle()
    broken = list(audit(world.history))
    assert broken == ["at the end the money of nobody-started-it is returned, and the transfer is unknown"]


def meddling(order: str) -> list[Command]:
    """Every command that the checkout alone should send and that gives nothing away."""
    return [
        Reserve("guitar", order=order, units=1),
        AwaitPayment(order, article="guitar", amount=10, pay_by=instant(START_NS)),
        AcceptPayment(order),
        RejectOrder(order, reason="meddling"),
        ExpireOrder(order),
        RequestPayment(payment_of(order), order=order, amount=10),
        Refund(payment_of(order)),
        Release("guitar", order=order),
    ]


def sale(seed: int, units: int = 10, buyers: int = 30) -> World:
    """Buyers of every kind, whose wishes arrive whenever they like."""
    world = World(flash_sale.app, seed)
    world.wish(PutOnSale("guitar", units=units, price=10, pay_within_s=1.0))
    world.wish(PutOnSale("sticker", units=units, price=0))
    world.settle()
    for number in range(buyers):
        order = f"order-{number}"
        article = world.draw.choice(["guitar", "guitar", "guitar", "sticker", "no-such-article"])
        place = PlaceOrder(order, article=article, units=world.draw.randint(1, 2))
        for command in (place, place, CancelOrder(order), *[Pay(payment_of(order)) for _ in range(8)]):
            if command is place or world.draw.random() < 0.3:
                world.wish(command)
    return world


@pytest.mark.parametrize("seed", range(40))
def test_a_sale_ends_well_in_whatever_order_the_steps_are_taken(seed: int) -> None:
    world = sale(seed)
    world.settle()
    result = Sale(world.history)
    assert [*result.broken, *result.at_the_end()] == []
    assert result.units["guitar"]["free"] + result.units["guitar"]["sold"] == 10


def test_these_sales_see_every_end_that_an_order_can_have() -> None:
    seen: set[str] = set()
    refunds = 0
    for seed in range(40):
        world = sale(seed)
        world.settle()
        result = Sale(world.history)
        seen |= set(result.statuses())
        refunds += result.refunds
    assert seen == set(ENDS)
    assert refunds > 0


@pytest.mark.parametrize("seed", range(60))
def test_repeated_and_unknown_steps_stall_nothing_and_oversell_nothing(seed: int) -> None:
    world = sale(seed)
    for number in range(35):
        for command in meddling(f"order-{number}"):
            if world.draw.random() < 0.2:
                world.wish(command)
    world.settle()
    result = Sale(world.history)
    for article, units in result.units.items():
        assert (units["held"], units["free"] + units["sold"]) == (0, 10), article
    assert set(result.orders.values()) <= set(ENDS)
