"""The beginnings of process managers and workers that are new to a cluster: all nodes have the same.

A new version comes to one node after the other, each with more in its store. The first one proposes, and what
it has proposed stands for all, also for a node that joins later. Otherwise what comes between two starts
would be history to the one and not to the other: a command that one node ordered and did not get rid of would
not be sent by the next.
"""

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TypeVar

import msgspec

from engine.base.decoding import NOT_DECODABLE
from engine.base.errors import ConfigError, Fault
from engine.cluster.handover import Handed, key_of
from engine.cluster.link import link_to
from engine.cluster.logs import NoAnswer
from engine.cluster.notes import JetStreamNotes, Notes, agreed
from engine.managers.birth import Birth
from engine.node.config import Config
from engine.reading.cursor import Mark

T = TypeVar("T", Birth, Handed)

PATIENCE_S = 15.0  # for servers that settle who leads


class Beginnings:
    """What the nodes of a cluster have agreed on."""

    def __init__(self, notes: Notes) -> None:
        self._notes = notes

    def of_manager(self, name: str, mine: Birth) -> Birth:
        """The birth of a process manager. `mine`: what this node proposes, or has had from the start."""
        return self._agreed(f"birth.{name}", mine)

    def of_worker(self, name: str, next: list[Mark], commands: list[str]) -> tuple[list[Mark], list[str]]:
        """The cursor with which a worker begins that is new on this node; of one that has been at work
        elsewhere it is where it has come to."""
        handed = self._agreed(key_of(name), Handed(next, commands))
        return handed.next, handed.commands

    def _agreed(self, key: str, mine: T) -> T:
        until, note = time.monotonic() + PATIENCE_S, b""
        while not note:
            try:
                note = agreed(self._notes, key, msgspec.json.encode(mine))
            except NoAnswer:
                if time.monotonic() > until:
                    raise Fault("the cluster does not answer", key=key) from None
        try:
            return msgspec.json.decode(note, type=type(mine))
        except NOT_DECODABLE as error:
            raise ConfigError("a note of the cluster cannot be read", key=key, error=error) from None


@contextmanager
def beginnings_of(config: Config) -> Iterator[Beginnings]:
    """Those of the cluster of these settings, by a link of their own."""
    with closing(link_to(config, "beginnings")) as link:
        yield Beginnings(JetStreamNotes(link, config.cluster_name))
