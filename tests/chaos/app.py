"""Ticket selling in which groups are confirmed by a process manager, and remarks come from outside."""

from collections.abc import Mapping

from domain_12306.app import seats as railway
from domain_12306.messages import ConfirmOrder, SeatsReserved
from engine import ApplicationMessage, Commit, Engine, ProcessManager, Refusal, Send, on, refused

GROUP = 3  # passengers


class Remarked(ApplicationMessage, name="run.remarked"):
    """What another program appends to the log of a run; it changes nothing."""

    text: str


class Groups(ProcessManager):
    """Confirms the order of a group as soon as it has its seats."""

    @on(SeatsReserved)
    def reserved(self, event: SeatsReserved, commit: Commit, send: Send) -> None:
        if len(event.passengers) == GROUP:
            send(ConfirmOrder(commit.aggregate, order=event.order))

    @refused(ConfirmOrder)
    def not_confirmed(self, command: ConfirmOrder, refusal: Refusal) -> None:
        """The client was quicker, or gave the seats back."""


def create(settings: Mapping[str, str]) -> Engine:
    """The application."""
    app = railway(settings)
    app.message(Remarked)
    app.process_manager("groups")(Groups)
    return app
