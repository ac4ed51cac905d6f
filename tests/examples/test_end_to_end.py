"""Notes, bank transfer and flash sale from end to end: one story each, on a running node and inline."""

import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from engine.base.instants import EPOCH
from examples import bank_transfer, flash_sale, notes
from examples.bank_transfer.audit import audit
from examples.bank_transfer.messages import OpenAccount, StartTransfer
from examples.flash_sale.audit import Sale
from examples.flash_sale.messages import (
    AwaitPayment,
    CancelOrder,
    Pay,
    PlaceOrder,
    PutOnSale,
    Reserve,
    Sell,
    payment_of,
)
from examples.notes.messages import ChangeTitle, CreateNote
from tests.examples.stage import Inline, OnNode

Stage = OnNode | Inline
Make = Callable[..., Stage]
PAY_WITHIN_S = 1.0
OPENING = 1_000


@pytest.fixture(params=[OnNode, Inline], ids=["node", "inline"])
def stage_of(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Make]:
    """Makes the place where an example plays."""
    made: list[Stage] = []

    def make(example: object, name: str) -> Stage:
        made.append(request.param(f"examples.{name}:app", example.app, tmp_path))  # type: ignore[attr-defined]
        return made[-1]

    yield make
    for stage in made:
        stage.close()


def test_notes(stage_of: Make) -> None:
    stage = stage_of(notes, "notes")
    created = stage.client.send(create := CreateNote("n", title="Groceries"))
    changed = stage.client.send(change := ChangeTitle("n", title="Shopping"))
    assert [(one.outcome, one.version) for one in (created, changed)] == [("committed", 1), ("committed", 2)]
    stage.restart()
    again = [stage.client.send(command) for command in (create, change)]
    assert [(one.outcome, one.version) for one in again] == [("committed", 1), ("committed", 2)]
    assert stage.client.send(ChangeTitle("n", title="Shopping")).outcome == "unchanged"
    shown = stage.client.query("notes", "note", {"note": "n"}, at_least=changed)
    assert shown == {"title": "Shopping", "changes": 1}


@pytest.mark.parametrize(
    ("accounts", "transfers"), [(20, 100), pytest.param(100, 1_000, marks=pytest.mark.slow)]
)
def test_bank_transfer(stage_of: Make, accounts: int, transfers: int) -> None:
    stage, draw = stage_of(bank_transfer, "bank_transfer"), random.Random(1)
    names = [f"account-{number}" for number in range(accounts)]
    stage.client.send_many(OpenAccount(name, amount=OPENING) for name in names)
    wanted = []
    for number in range(transfers):
        source, target = draw.sample([*names, "nobody"], 2)
        amount = draw.randint(1, OPENING)
        wanted.append(StartTransfer(f"transfer-{number}", source=source, target=target, amount=amount))
    assert all(one.ok for one in stage.client.send_many(wanted[: transfers // 2]))
    stage.restart()
    assert all(one.ok for one in stage.client.send_many(wanted[transfers // 2 :]))

    def all_ended() -> bool:
        counts = stage.client.query("money", "transfers")
        return "started" not in counts and sum(counts.values()) == transfers

    stage.comes_to(all_ended, "every transfer has ended")
    assert stage.client.query("money", "sum") == {"accounts": accounts * OPENING, "under_way": 0}
    assert list(audit(stage.history())) == []


def test_flash_sale(stage_of: Make) -> None:
    stage = stage_of(flash_sale, "flash_sale")
    stage.client.send(PutOnSale("guitar", units=5, price=10, pay_within_s=PAY_WITHIN_S))
    stage.client.send(PutOnSale("sticker", units=5, price=0))
    orders = [f"order-{number}" for number in range(8)]
    placed = [stage.client.send(PlaceOrder(order, article="guitar")) for order in orders]
    assert placed[-1].ok
    free = stage.client.send(PlaceOrder("free", article="sticker"))
    assert free.ok

    def status(order: str) -> str:
        return str(stage.client.query("shop", "order", {"id": order})["status"])

    def held() -> list[str]:
        """The five that are waiting to be paid; three were told that it is sold out."""
        some = [order for order in orders if status(order) == "awaiting-payment"]
        done = [order for order in orders if status(order) == "rejected"]
        return some if (len(some), len(done), status("free")) == (5, 3, "completed") else []

    paid, cancelled, late, *others = stage.comes_to(held, "five of eight may pay")
    assert stage.comes_to(lambda: stage.client.send(Pay(payment_of(paid))).ok, "the till is open")
    assert stage.client.send(CancelOrder(cancelled)).ok
    stage.comes_to(lambda: status(paid) == "completed", "who pays gets it")
    for step in (  # repeated and unknown ones
        Reserve("guitar", order="unknown", units=1),
        AwaitPayment(paid, article="guitar", amount=10, pay_by=EPOCH),
        CancelOrder(paid),
        CancelOrder("unknown"),
        Pay(payment_of(paid)),
        Sell("guitar", order=paid),
    ):
        stage.client.send(step)
    stage.restart()
    stage.time_passes(PAY_WITHIN_S + 0.1)
    stage.comes_to(lambda: {status(order) for order in (late, *others)} == {"expired"}, "the rest expires")
    assert stage.client.send(Pay(payment_of(late))).ok
    stage.comes_to(lambda: stage.client.query("shop", "order", {"id": late})["refunded"] == 10, "refunded")
    expected = {"free": 4, "held": 0, "sold": 1}
    stage.comes_to(lambda: stage.client.query("shop", "article", {"id": "guitar"}) == expected, "all is free")
    sale = Sale(stage.history())
    assert [*sale.broken, *sale.at_the_end()] == []
    assert sale.statuses() == {"completed": 2, "rejected": 3, "cancelled": 1, "expired": 3}
