"""An account, which is never below zero. Nothing here deals with repeated messages, because the engine
does."""

from engine import Aggregate, Rejection, applies, handles, reject
from examples.bank_transfer.messages import (
    AccountOpened,
    Deposit,
    Deposited,
    OpenAccount,
    PutBack,
    ReturnedToSender,
    Withdraw,
    Withdrawn,
)


class Account(Aggregate):
    """One account."""

    balance = 0

    @handles(OpenAccount, exists="must-not")
    def open(self, command: OpenAccount) -> AccountOpened | Rejection:
        if command.amount < 0:
            return reject("bad-amount", "an account opens with nothing or more")
        return AccountOpened(amount=command.amount)

    @handles(Withdraw)
    def withdraw(self, command: Withdraw) -> Withdrawn | Rejection:
        if not 0 < command.amount <= self.balance:
            return reject("not-covered", f"{self.id} has {self.balance}")
        return Withdrawn(transfer=command.transfer, amount=command.amount)

    @handles(Deposit)
    def deposit(self, command: Deposit) -> Deposited:
        return Deposited(transfer=command.transfer, amount=command.amount)

    @handles(PutBack)
    def put_back(self, command: PutBack) -> ReturnedToSender:
        return ReturnedToSender(transfer=command.transfer, amount=command.amount, reason=command.reason)

    @applies(AccountOpened)
    def _opened(self, event: AccountOpened) -> None:
        self.balance = event.amount

    @applies(Withdrawn)
    def _withdrawn(self, event: Withdrawn) -> None:
        self.balance -= event.amount

    @applies(Deposited)
    def _deposited(self, event: Deposited) -> None:
        self.balance += event.amount

    @applies(ReturnedToSender)
    def _returned(self, event: ReturnedToSender) -> None:
        self.balance += event.amount
