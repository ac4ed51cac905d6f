"""What a `Fold` drives through the log: a projection, or a process manager."""

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from engine.model.messages import Event


class HandlerFailed(Exception):
    """A handler raised an error, which is the `__cause__`.

    `at`: the index of the commit among those given; the commits before it have been applied. `clean`: the
    target is as it was before that commit. Otherwise it has to be loaded again.
    """

    def __init__(self, at: int, *, clean: bool) -> None:
        super().__init__(at)
        self.at, self.clean = at, clean

    @property
    def cause(self) -> BaseException:
        """The error that the handler raised."""
        return self.__cause__ or self


class Target(Protocol):
    """State made of commits, which can be saved and loaded."""

    keeps: bool
    """False: it saves nothing, so every start replays from position 0"""

    def events(self) -> set[type[Event]]:
        """The event classes that it reads; all others reach it as `Unread`."""

    @property
    def full(self) -> bool:
        """True if it should be given nothing more for now."""

    def apply(self, partition: int, position: int, commits: Sequence[Any]) -> int:
        """Applies consecutive commits, the first of which has this `position`; returns how many: at least
        one, and not all if it is full after these. Raises HandlerFailed where a handler fails."""

    def save(self) -> Iterable[tuple[bytes, bytes | None]]:
        """(key, value) of what has changed since the last call; None: the key is gone."""

    def load(self, items: Iterable[tuple[bytes, bytes]]) -> None:
        """Replaces its state by what was saved, given in key order."""
