"""What a `Fold` drives through the log: a projection, or a process manager."""

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from engine.model.messages import Event


class Stumbled(Exception):
    """A handler raised; the error is the `__cause__`.

    `at`: the place of the commit among those given; what stood before it is taken in. `clean`: the target
    is as it was before that commit. If not, it has to be loaded anew.
    """

    def __init__(self, at: int, *, clean: bool) -> None:
        super().__init__(at)
        self.at, self.clean = at, clean


class Target(Protocol):
    """Takes commits in, and can be saved and loaded."""

    keeps: bool
    """False: it saves nothing, so every start begins at position 0"""

    def events(self) -> set[type[Event]]:
        """The event classes that it reads; all others reach it as `Unread`."""

    def take(self, partition: int, position: int, commits: Sequence[Any]) -> None:
        """Takes in commits, the first of which stands at `position`; they follow on each other.
        Raises Stumbled where a handler fails."""

    def save(self) -> Iterable[tuple[bytes, bytes | None]]:
        """What has changed since the last call; None: the key is gone."""

    def load(self, items: Iterable[tuple[bytes, bytes]]) -> None:
        """Takes in everything saved, in key order, in place of what it has."""
