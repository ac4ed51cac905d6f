"""The view: where the money is, and how each transfer ended."""

from engine import Commit, Projection, Table, on, query
from examples.bank_transfer.messages import (
    AccountOpened,
    Deposited,
    ReturnedToSender,
    TransferFailed,
    TransferFinished,
    TransferStarted,
    Withdrawn,
)

BALANCES, TRANSFERS, SUM = "account/", "transfer/", "sum"


class Money(Projection, name="money", version=1):
    """`account/ID` → cents, `transfer/ID` → how it stands, `sum` → cents in accounts and under way."""

    @on(AccountOpened)
    def opened(self, event: AccountOpened, commit: Commit, view: Table) -> None:
        _move(view, commit.aggregate, event.amount, under_way=0)

    @on(Withdrawn)
    def withdrawn(self, event: Withdrawn, commit: Commit, view: Table) -> None:
        _move(view, commit.aggregate, -event.amount, under_way=event.amount)

    @on(Deposited)
    def deposited(self, event: Deposited, commit: Commit, view: Table) -> None:
        _move(view, commit.aggregate, event.amount, under_way=-event.amount)

    @on(ReturnedToSender)
    def returned(self, event: ReturnedToSender, commit: Commit, view: Table) -> None:
        _move(view, commit.aggregate, event.amount, under_way=-event.amount)

    @on(TransferStarted)
    def started(self, event: TransferStarted, commit: Commit, view: Table) -> None:
        view[TRANSFERS + commit.aggregate] = "started"

    @on(TransferFinished)
    def finished(self, event: TransferFinished, commit: Commit, view: Table) -> None:
        view[TRANSFERS + commit.aggregate] = "finished"

    @on(TransferFailed)
    def failed(self, event: TransferFailed, commit: Commit, view: Table) -> None:
        view[TRANSFERS + commit.aggregate] = f"failed: {event.reason}"

    @query
    def balance(self, view: Table, id: str) -> int | None:
        return view.get(BALANCES + id)

    @query
    def transfer(self, view: Table, id: str) -> str | None:
        return view.get(TRANSFERS + id)

    @query
    def sum(self, view: Table) -> dict[str, int]:
        total: dict[str, int] = view.get(SUM, {"accounts": 0, "under_way": 0})
        return total

    @query
    def transfers(self, view: Table) -> dict[str, int]:
        """The number of transfers by status."""
        counts: dict[str, int] = {}
        for _, state in view.rows(TRANSFERS):
            counts[state] = counts.get(state, 0) + 1
        return counts


def _move(view: Table, account: str, amount: int, under_way: int) -> None:
    view[BALANCES + account] = view.get(BALANCES + account, 0) + amount
    total = view.get(SUM, {"accounts": 0, "under_way": 0})
    view[SUM] = {"accounts": total["accounts"] + amount, "under_way": total["under_way"] + under_way}
