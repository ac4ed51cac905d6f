"""A transfer: what is wanted, and how it ended. It touches no account; the clerk does that."""

from typing import Literal

from engine import Aggregate, Rejection, applies, handles, reject
from examples.bank_transfer.messages import (
    FailTransfer,
    FinishTransfer,
    StartTransfer,
    TransferFailed,
    TransferFinished,
    TransferStarted,
)


class Transfer(Aggregate):
    """One transfer."""

    state: Literal["started", "finished", "failed"] = "started"

    @handles(StartTransfer, exists="must-not")
    def start(self, command: StartTransfer) -> TransferStarted | Rejection:
        if command.amount <= 0:
            return reject("bad-amount", "a transfer moves something")
        if command.source == command.target:
            return reject("same-account", "a transfer goes from one account to another")
        return TransferStarted(source=command.source, target=command.target, amount=command.amount)

    @handles(FinishTransfer)
    def finish(self, command: FinishTransfer) -> TransferFinished | None:
        return TransferFinished() if self.state == "started" else None

    @handles(FailTransfer)
    def fail(self, command: FailTransfer) -> TransferFailed | None:
        return TransferFailed(reason=command.reason) if self.state == "started" else None

    @applies(TransferStarted)
    def _started(self, event: TransferStarted) -> None:
        self.state = "started"

    @applies(TransferFinished)
    def _finished(self, event: TransferFinished) -> None:
        self.state = "finished"

    @applies(TransferFailed)
    def _failed(self, event: TransferFailed) -> None:
        self.state = "failed"
