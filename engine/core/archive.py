"""The archive: what the core asks the event store. It is passed in, because the core itself does no I/O."""

from collections.abc import Iterable
from typing import Any, Protocol


class Superseded(Exception):
    """What the core waits for will never be stored, because another process has appended; it must go back."""


class Archive(Protocol):
    """The stored past of one partition."""

    def has_command(self, id: str) -> bool:
        """True if a commit of this command id is stored."""

    def stream(self, aggregate: str, upto: int) -> Iterable[Any]:
        """The typed commits of one aggregate in version order. It waits until everything up to
        position `upto` is stored before it yields the first. Raises Superseded if that will never be."""

    def stored(self) -> int:
        """The last command sequence whose outcome is stored. May lag, never leads."""


class NoArchive:
    """An empty past, for a partition that lives only in memory."""

    def has_command(self, id: str) -> bool:
        return False

    def stream(self, aggregate: str, upto: int) -> Iterable[Any]:
        return ()

    def stored(self) -> int:
        return 1 << 63
