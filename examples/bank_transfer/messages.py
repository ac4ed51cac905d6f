"""Commands (what can be wished for) and events (what can have happened). Amounts are whole cents."""

from engine import Command, Event


class OpenAccount(Command, name="account.open", rejects=("bad-amount",)):
    """Opens an account with money in it."""

    amount: int


class Withdraw(Command, name="account.withdraw", rejects=("not-covered",)):
    """Takes money out for a transfer."""

    transfer: str
    amount: int


class Deposit(Command, name="account.deposit"):
    """Puts in the money of a transfer."""

    transfer: str
    amount: int


class PutBack(Command, name="account.put-back"):
    """Gives the money of a transfer that did not arrive to where it came from."""

    transfer: str
    amount: int
    reason: str


class AccountOpened(Event, name="account.opened"):
    """There is an account, with so much in it: the only way in which money comes into this world."""

    amount: int


class Withdrawn(Event, name="account.withdrawn"):
    """The money is under way."""

    transfer: str
    amount: int


class Deposited(Event, name="account.deposited"):
    """The money has arrived."""

    transfer: str
    amount: int


class ReturnedToSender(Event, name="account.returned"):
    """The money is back where it came from."""

    transfer: str
    amount: int
    reason: str


class StartTransfer(Command, name="transfer.start", rejects=("bad-amount", "same-account")):
    """Moves money from one account to another."""

    source: str
    target: str
    amount: int


class FinishTransfer(Command, name="transfer.finish"):
    """The money has arrived."""


class FailTransfer(Command, name="transfer.fail"):
    """No money was moved."""

    reason: str


class TransferStarted(Event, name="transfer.started"):
    """A transfer is wanted."""

    source: str
    target: str
    amount: int


class TransferFinished(Event, name="transfer.finished"):
    """It is done."""


class TransferFailed(Event, name="transfer.failed"):
    """It is not going to be done; all money is where it was."""

    reason: str
