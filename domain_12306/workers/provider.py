"""A provider of payments: what the railway asks of a bank, and nothing else of it.

Every request has a key, under which it is done once however often it is asked for. An answer may come at once
or much later, or never; then the order expires, and money that comes after all is refunded.
"""

from typing import NamedTuple, Protocol


class Paid(NamedTuple):
    """Money has come in. `payment`: what it is for, an order; `receipt`: the provider's own name for it;
    `amount`: in fen."""

    payment: str
    receipt: str
    amount: int


class Declined(NamedTuple):
    """It will not come. `reason`: a word for the user."""

    reason: str


class Pending(NamedTuple):
    """It may come later, and is then among the reports."""


Answer = Paid | Declined | Pending


class Provider(Protocol):
    """It may raise whatever a network raises; then it is asked again, under the same key."""

    def charge(self, key: str, payment: str, amount: int) -> Answer:
        """Asks for money."""

    def refund(self, key: str, receipt: str, amount: int) -> None:
        """Gives money back."""

    def reports(self) -> list[Paid]:
        """What has come in since it was asked for, and has not been taken note of."""

    def noted(self, receipt: str) -> None:
        """A report is taken note of."""

    def coming(self) -> int:
        """The number of charges that are still to be reported."""

    def balance(self) -> int:
        """What has come in, less what was given back, in fen."""
