"""The clerk, which takes the money of a transfer from one account to the other, or back.

    started → withdraw ─┬─ withdrawn → deposit ─┬─ deposited → finish
                        │                       └─ refused → put back → returned → fail
                        └─ refused → fail

It may die between any two of these steps, and before or after any of its commands has left: each command
takes effect exactly once, as its id follows from the event that caused it.
"""

import msgspec

from engine import Commit, ProcessManager, Refusal, Send, Table, on, refused
from examples.bank_transfer.messages import (
    Deposit,
    Deposited,
    FailTransfer,
    FinishTransfer,
    PutBack,
    ReturnedToSender,
    TransferStarted,
    Withdraw,
    Withdrawn,
)


class Accounts(msgspec.Struct):
    """The two accounts of a transfer."""

    source: str
    target: str


class Clerk(ProcessManager, name="clerk"):
    """`state`: transfer → its two accounts, for as long as it is under way."""

    @on(TransferStarted)
    def started(self, event: TransferStarted, commit: Commit, send: Send, state: Table[Accounts]) -> None:
        state[commit.aggregate] = Accounts(event.source, event.target)
        send(Withdraw(event.source, transfer=commit.aggregate, amount=event.amount))

    @refused(Withdraw)
    def not_withdrawn(self, command: Withdraw, refusal: Refusal, send: Send, state: Table[Accounts]) -> None:
        state.pop(command.transfer, None)
        send(FailTransfer(command.transfer, reason=refusal.code))

    @on(Withdrawn)
    def withdrawn(self, event: Withdrawn, commit: Commit, send: Send, state: Table[Accounts]) -> None:
        transfer, amount = event.transfer, event.amount
        if transfer in state:
            send(Deposit(state[transfer].target, transfer=transfer, amount=amount))
        else:  # a client bypassed the clerk
            send(PutBack(commit.aggregate, transfer=transfer, amount=amount, reason="unknown-transfer"))

    @on(Deposited)
    def deposited(self, event: Deposited, send: Send, state: Table[Accounts]) -> None:
        state.pop(event.transfer, None)
        send(FinishTransfer(event.transfer))

    @refused(Deposit)
    def not_deposited(self, command: Deposit, refusal: Refusal, send: Send, state: Table[Accounts]) -> None:
        source = state[command.transfer].source
        reason = refusal.code
        send(PutBack(source, transfer=command.transfer, amount=command.amount, reason=reason))

    @on(ReturnedToSender)
    def returned(self, event: ReturnedToSender, send: Send, state: Table[Accounts]) -> None:
        state.pop(event.transfer, None)
        send(FailTransfer(event.transfer, reason=event.reason))
