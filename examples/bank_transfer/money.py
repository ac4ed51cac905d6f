"""The view: where the money is, and how each transfer ended."""

from typing import Any

import msgspec

from engine import Commit, NoArguments, Projection, Table, on, query
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


class Which(msgspec.Struct):
    """Arguments of the queries `balance` and `transfer`."""

    id: str


class Money(Projection, name="money", version=1):
    """`account/ID` → cents, `transfer/ID` → how it stands, `sum` → cents in accounts and under way."""

    @on(AccountOpened)
    def opened(self, event: AccountOpened, meta: Commit, view: Table) -> None:
        _move(view, meta.aggregate, event.amount, under_way=0)

    @on(Withdrawn)
    def withdrawn(self, event: Withdrawn, meta: Commit, view: Table) -> None:
        _move(view, meta.aggregate, -event.amount, under_way=event.amount)

    @on(Deposited)
    def deposited(self, event: Deposited, meta: Commit, view: Table) -> None:
        _move(view, meta.aggregate, event.amount, under_way=-event.amount)

    @on(ReturnedToSender)
    def returned(self, event: ReturnedToSender, meta: Commit, view: Table) -> None:
        _move(view, meta.aggregate, event.amount, under_way=-event.amount)

    @on(TransferStarted)
    def started(self, event: TransferStarted, meta: Commit, view: Table) -> None:
        view[TRANSFERS + meta.aggregate] = "started"

    @on(TransferFinished)
    def finished(self, event: TransferFinished, meta: Commit, view: Table) -> None:
        view[TRANSFERS + meta.aggregate] = "finished"

    @on(TransferFailed)
    def failed(self, event: TransferFailed, meta: Commit, view: Table) -> None:
        view[TRANSFERS + meta.aggregate] = f"failed: {event.reason}"

    @query("balance")
    def balance(self, view: Table, request: Which) -> Any:
        return view.get(BALANCES + request.id)

    @query("transfer")
    def transfer(self, view: Table, request: Which) -> Any:
        return view.get(TRANSFERS + request.id)

    @query("sum")
    def sum(self, view: Table, request: NoArguments) -> Any:
        return view.get(SUM, {"accounts": 0, "under_way": 0})

    @query("transfers")
    def transfers(self, view: Table, request: NoArguments) -> dict[str, int]:
        """The number of transfers by status."""
        counts: dict[str, int] = {}
        for _, state in view.prefix(TRANSFERS):
            counts[state] = counts.get(state, 0) + 1
        return counts


def _move(view: Table, account: str, amount: int, under_way: int) -> None:
    view[BALANCES + account] = view.get(BALANCES + account, 0) + amount
    total = view.get(SUM, {"accounts": 0, "under_way": 0})
    view[SUM] = {"accounts": total["accounts"] + amount, "under_way": total["under_way"] + under_way}
