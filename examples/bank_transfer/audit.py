"""The rules of the bank as a pure check of a history, written without a look at the aggregates.

at every position   no balance below zero; money in accounts + money under way = money brought in
of every transfer   money leaves once and arrives once, or is returned once, in the same amount
at the end          nothing is under way, and every transfer has ended as its money did
"""

from collections.abc import Iterable, Iterator
from typing import Any

IN_HAND, UNDER_WAY, ARRIVED, RETURNED = "in hand", "under way", "arrived", "returned"


def audit(history: Iterable[Any], *, ended: bool = True) -> Iterator[str]:
    """Yields each broken rule as a sentence.

    `history`: commits with events as dictionaries, in the order of their sequences, which in one partition is
    the order of positions. `ended`: whether everything that was begun must have come to its end.
    """
    balances: dict[str, int] = {}
    money: dict[str, tuple[str, int]] = {}  # transfer → where its money is, and how much
    told: dict[str, str] = {}  # transfer → how it ended, as it says itself
    brought_in = under_way = total = 0
    for commit in history:
        for event in commit.events:
            kind, amount = event["type"], event.get("amount", 0)
            what = f"at sequence {commit.sequence}, {kind} of {commit.aggregate}"
            if kind == "transfer.started":
                told[commit.aggregate] = "started"
                continue
            if kind in ("transfer.finished", "transfer.failed"):
                if told.get(commit.aggregate) != "started":
                    yield f"{what}: it was {told.get(commit.aggregate)}"
                told[commit.aggregate] = kind.removeprefix("transfer.")
                continue
            if kind == "account.opened":
                brought_in += amount
                balances[commit.aggregate] = 0
            else:
                transfer = event["transfer"]
                place, expected = money.get(transfer, (IN_HAND, amount))
                must, then = {
                    "account.withdrawn": (IN_HAND, UNDER_WAY),
                    "account.deposited": (UNDER_WAY, ARRIVED),
                    "account.returned": (UNDER_WAY, RETURNED),
                }[kind]
                if (place, expected) != (must, amount):
                    yield f"{what}: {amount} of {transfer}, of which {expected} is {place}"
                money[transfer] = (then, amount)
                under_way += amount if then == UNDER_WAY else -amount
            change = -amount if kind == "account.withdrawn" else amount
            balances[commit.aggregate] += change
            total += change
            if balances[commit.aggregate] < 0:
                yield f"{what}: a balance of {balances[commit.aggregate]}"
            if total + under_way != brought_in:
                yield f"{what}: {total} in accounts, {under_way} under way, {brought_in} brought in"
    if ended:
        yield from _at_the_end(money, told)


def _at_the_end(money: dict[str, tuple[str, int]], told: dict[str, str]) -> Iterator[str]:
    for transfer in sorted(money.keys() | told.keys()):
        place, _ = money.get(transfer, (IN_HAND, 0))
        state = told.get(transfer, "unknown")
        if (place, state) not in ((ARRIVED, "finished"), (RETURNED, "failed"), (IN_HAND, "failed")):
            yield f"at the end the money of {transfer} is {place}, and the transfer is {state}"
