"""Ticket selling with a process manager: every order is confirmed, and given back a moment later."""

from collections.abc import Mapping
from datetime import timedelta

from domain_12306.app import seats as railway
from domain_12306.messages import ConfirmOrder, ReleaseOrder, SeatsReserved
from engine import Commit, Engine, ProcessManager, Refusal, Send, on, refused

HOLD = timedelta(milliseconds=50)


class Orders(ProcessManager):
    """Keeps nothing: each order is dealt with as it comes."""

    @on(SeatsReserved)
    def reserved(self, event: SeatsReserved, commit: Commit, send: Send) -> None:
        send(ConfirmOrder(commit.aggregate, order=event.order))
        send.after(HOLD, ReleaseOrder(commit.aggregate, order=event.order), event.order)

    @refused(ConfirmOrder)
    def not_confirmed(self, command: ConfirmOrder, refusal: Refusal) -> None:
        """It was given back before."""


def create(settings: Mapping[str, str]) -> Engine:
    """The application."""
    app = railway(settings)
    app.process_manager("orders")(Orders)
    return app
