"""The views of bank and flash sale show what happened, in whatever order the partitions are read."""

from collections import deque
from typing import Any

import pytest

from engine import Table
from engine.follow.handlers import Dispatch
from examples import bank_transfer, flash_sale
from examples.bank_transfer.messages import OpenAccount, StartTransfer
from examples.bank_transfer.money import Money
from examples.flash_sale.audit import Sale
from examples.flash_sale.messages import PlaceOrder, PutOnSale
from examples.flash_sale.shop import Shop
from tests.examples.test_disorder import sale
from tests.examples.world import World

PARTITIONS = 4


def shown(world: World, name: str) -> tuple[Any, Table]:
    """A view and its table: the commits of one aggregate come in order, those of others as it happens."""
    spec = world.app.projections[name]
    view, table = spec.factory(), Table(*spec.layout)
    dispatch = Dispatch(view, spec.handlers, {Table: table})
    partitions: list[deque[Any]] = [deque() for _ in range(PARTITIONS)]
    for commit in world.commits:
        partitions[sum(commit.aggregate.encode()) % PARTITIONS].append(commit)
    while left := [partition for partition in partitions if partition]:
        dispatch.run(world.draw.choice(left).popleft())
    return view, table


@pytest.mark.parametrize("seed", range(10))
def test_the_shop_shows_every_order_as_the_audit_has_it(seed: int) -> None:
    world = sale(seed)
    world.settle()
    audited = Sale(world.history)
    view, table = shown(world, "shop")
    assert isinstance(view, Shop)
    assert view.totals(table) == dict(audited.statuses())
    for order, status in audited.orders.items():
        assert (view.order(table, order) or {})["status"] == status
    for article, units in audited.units.items():
        assert view.article(table, article) == {"free": 0, "held": 0, "sold": 0, **units}


@pytest.mark.parametrize("seed", range(10))
def test_the_sum_of_money_shows_what_was_brought_in_at_every_moment(seed: int) -> None:
    world = World(bank_transfer.app, seed)
    for number in range(4):
        world.wish(OpenAccount(f"account-{number}", amount=100))
    world.settle()
    for number in range(30):
        source, target = world.draw.sample([f"account-{number}" for number in range(5)], 2)
        world.wish(StartTransfer(f"transfer-{number}", source=source, target=target, amount=40))
    world.settle()
    view, table = shown(world, "money")
    assert isinstance(view, Money)
    assert view.sum(table) == {"accounts": 400, "under_way": 0}
    assert sum(view.transfers(table).values()) == 30


def test_an_order_is_shown_as_processing_at_once() -> None:
    world = World(flash_sale.app, 1)
    world.wish(PutOnSale("guitar", units=1, price=1))
    world.settle()
    world.wish(PlaceOrder("order-1", article="guitar"))
    world.step()
    view, table = shown(world, "shop")
    assert view.order(table, "order-1") == {"status": "processing", "refunded": 0}
