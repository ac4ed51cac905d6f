"""The reasons why a node turns a command away for now."""

from enum import StrEnum

from engine.base.runbook import Page


class BusyReason(StrEnum):
    """What is short. The value is what metrics, documents and the runbook call it."""

    WAITING = "waiting"
    IN_FLIGHT = "in-flight"
    FULL = "full"
    STORE = "store"
    DISK = "disk"
    MEMORY = "memory"


PAGES = {
    BusyReason.WAITING: Page.BUSY,
    BusyReason.IN_FLIGHT: Page.BUSY,
    BusyReason.FULL: Page.BUSY,
    BusyReason.STORE: Page.NO_ROOM,
    BusyReason.DISK: Page.NO_ROOM,
    BusyReason.MEMORY: Page.MEMORY,
}
"""The page of the runbook for each."""

TEXTS = {
    BusyReason.WAITING: "too many commands wait",
    BusyReason.IN_FLIGHT: "more than {limit} commands in flight",
    BusyReason.FULL: "the node is full",
    BusyReason.STORE: "the event store has no room",
    BusyReason.DISK: "the disk is nearly full",
    BusyReason.MEMORY: "memory is nearly full",
}
"""What a client is told."""
