"""The audits of the examples catch what they are there for."""

from typing import Any

import pytest

from engine import Commit
from examples.bank_transfer.audit import audit
from examples.flash_sale.audit import Sale

Steps = list[tuple[str, dict[str, Any]]]


def history(steps: Steps) -> list[Commit]:
    """One commit with one event for each (aggregate, event); a `time_ns` in an event is when it happened."""
    return [
        Commit(aggregate, 1, "", sequence, event.get("time_ns", sequence), [event])
        for sequence, (aggregate, event) in enumerate(steps, 1)
    ]


def opened(account: str, amount: int) -> tuple[str, dict[str, Any]]:
    return account, {"type": "account.opened", "amount": amount}


def moved(how: str, account: str, amount: int) -> tuple[str, dict[str, Any]]:
    return account, {"type": f"account.{how}", "transfer": "t", "amount": amount}


START: tuple[str, dict[str, Any]] = ("t", {"type": "transfer.started"})
FINISH: tuple[str, dict[str, Any]] = ("t", {"type": "transfer.finished"})
FAIL: tuple[str, dict[str, Any]] = ("t", {"type": "transfer.failed"})
OUT, IN, BACK = moved("withdrawn", "a", 7), moved("deposited", "b", 7), moved("returned", "a", 7)
OPEN = [opened("a", 10), opened("b", 0)]


@pytest.mark.parametrize("steps", [[START, OUT, IN, FINISH], [START, OUT, BACK, FAIL], [START, FAIL]])
def test_money_that_is_where_it_should_be_is_no_complaint(steps: Steps) -> None:
    assert list(audit(history(OPEN + steps))) == []


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        ([START, OUT], "is under way, and the transfer is started"),
        ([START, OUT, FINISH], "is under way, and the transfer is finished"),
        ([START, OUT, IN, FAIL], "is arrived, and the transfer is failed"),
        ([START, OUT, IN, IN, FINISH], "of which 7 is arrived"),
        ([START, IN, FINISH], "of which 7 is in hand"),
        ([START, OUT, IN, BACK, FINISH], "of which 7 is arrived"),
        ([START, OUT, moved("deposited", "b", 8), FINISH], "8 of t, of which 7 is under way"),
        ([START, moved("withdrawn", "b", 7), IN, FINISH], "a balance of -7"),
        ([START, OUT, IN, FINISH, FAIL], "it was finished"),
    ],
)
def test_money_that_is_lost_made_or_moved_twice_is_a_complaint(steps: Steps, said: str) -> None:
    assert said in "; ".join(audit(history(OPEN + steps)))


def units(how: str, count: int = 1, order: str = "o") -> tuple[str, dict[str, Any]]:
    return "guitar", {"type": f"article.units-{how}", "order": order, "units": count}


def paid(how: str) -> tuple[str, dict[str, Any]]:
    return "p", {"type": f"payment.{how}", "order": "o", "amount": 5}


def order(status: str, **fields: Any) -> tuple[str, dict[str, Any]]:
    return "o", {"type": f"order.{status}", **fields}


ON_SALE: Steps = [("guitar", {"type": "article.went-on-sale", "units": 2})]
RESERVED = order("reserved", amount=5, pay_by="1970-01-01T00:00:00.000100Z")
HELD: Steps = [*ON_SALE, order("placed"), units("reserved"), RESERVED]
SOLD: Steps = [*HELD, paid("received"), order("paid"), units("sold"), order("completed")]
EXPIRED: Steps = [*HELD, order("expired", time_ns=100_000), units("released")]


@pytest.mark.parametrize("steps", [SOLD, EXPIRED, [*EXPIRED, paid("received"), paid("refunded")]])
def test_a_sale_as_it_should_be_is_no_complaint(steps: Steps) -> None:
    sale = Sale(history(steps))
    assert [*sale.broken, *sale.at_the_end()] == []


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        (HELD, "at the end o is reserved"),
        ([*ON_SALE, order("placed")], "at the end o is placed"),
        ([*ON_SALE, units("reserved", 3)], "Counter"),
        ([*SOLD, units("sold")], "1 units were not held for o"),
        ([*SOLD, order("expired", time_ns=100_000)], "it was completed"),
        ([*HELD, order("expired", time_ns=99_000), units("released")], "too early"),
        (EXPIRED[:-1], "1 units are held for o"),
        ([*EXPIRED, paid("received")], "o is expired, and 1 payments are kept"),
        ([*SOLD, paid("refunded")], "o is completed, and 0 payments are kept"),
        ([*SOLD, paid("received")], "2 payments are kept for o"),
        ([*EXPIRED, paid("refunded")], "-1 payments are kept for o"),
        ([*HELD, order("paid"), order("completed")], "o is completed, and got 0 units"),
        ([*EXPIRED, units("reserved"), units("sold")], "o is expired, and got 1 units"),
    ],
)
def test_a_sale_that_breaks_a_rule_is_a_complaint(steps: Steps, said: str) -> None:
    sale = Sale(history(steps))
    assert said in "; ".join([*sale.broken, *sale.at_the_end()])
