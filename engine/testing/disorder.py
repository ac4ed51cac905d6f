"""Disorder: the orders in which events of several aggregates may reach a view or a process manager.

The engine keeps the order of each aggregate's events. Across aggregates, in other partitions or after a
restart, any order may come about.
"""

import random
import secrets
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from engine.model.messages import Command
from engine.testing.entries import Told

if TYPE_CHECKING:
    from engine.testing.process_managers import ProcessManagerStory

Entry = tuple[str, list[Any]]
"""(aggregate, events of one command)"""


class Order(NamedTuple):
    """The entries in one order, and how to name it where something goes wrong in it."""

    entries: list[Entry]
    name: str


class Disorder:
    """So many orders, drawn by a seed: the same seed gives the same ones. None: drawn by chance."""

    def __init__(self, orders: int, seed: int | None = None) -> None:
        if orders < 1:
            raise ValueError(f"disorder takes at least one order, not {orders}")
        self._many = orders
        self.seed = secrets.randbits(32) if seed is None else seed

    def orders(self, entries: Sequence[Entry]) -> Iterator[Order]:
        """Orders that keep each aggregate's own."""
        draw = random.Random(self.seed)
        for _ in range(self._many):
            lanes: dict[str, list[Entry]] = {}
            for entry in entries:
                lanes.setdefault(entry[0], []).append(entry)
            whose = [aggregate for aggregate, _ in entries]
            draw.shuffle(whose)
            waiting = {aggregate: iter(lane) for aggregate, lane in lanes.items()}
            shuffled = [next(waiting[aggregate]) for aggregate in whose]
            yield Order(shuffled, f"events in the order {', '.join(whose)}; seed={self.seed}")


class StoriesInDisorder:
    """The same story in several orders: what is done is done in each, what is claimed must be so in each."""

    def __init__(self, stories: "list[tuple[str, ProcessManagerStory]]") -> None:
        self._stories = stories

    def when(self, event: Told, *, at: datetime | None = None) -> "StoriesInDisorder":
        """As `ProcessManagerStory.when`."""
        return self._each(lambda story: story.when(event, at=at))

    def when_refused(
        self, command: Command | type[Command], code: str, message: str = ""
    ) -> "StoriesInDisorder":
        """As `ProcessManagerStory.when_refused`."""
        return self._each(lambda story: story.when_refused(command, code, message))

    def time_passes(
        self, span: timedelta | None = None, *, minutes: float = 0, seconds: float = 0
    ) -> "StoriesInDisorder":
        """As `ProcessManagerStory.time_passes`."""
        return self._each(lambda story: story.time_passes(span, minutes=minutes, seconds=seconds))

    def sends(self, *commands: Command) -> "StoriesInDisorder":
        """It sent just these in the last step, in any order. What happened in disorder is one step."""
        return self._each(lambda story: story.sends_in_any_order(*commands))

    def sends_nothing(self) -> "StoriesInDisorder":
        """It sent nothing in the last step."""
        return self.sends()

    def sets_timer(
        self,
        command: Command,
        span: timedelta | None = None,
        *,
        minutes: float = 0,
        seconds: float = 0,
        key: str | None = None,
    ) -> "StoriesInDisorder":
        """As `ProcessManagerStory.sets_timer`."""
        return self._each(
            lambda story: story.sets_timer(command, span, minutes=minutes, seconds=seconds, key=key)
        )

    def has_no_timer(self) -> "StoriesInDisorder":
        """No timer is set."""
        return self._each(lambda story: story.has_no_timer())

    def state(self, key: str, value: Any) -> "StoriesInDisorder":
        """As `ProcessManagerStory.state`."""
        return self._each(lambda story: story.state(key, value))

    def _each(self, step: "Callable[[ProcessManagerStory], object]") -> "StoriesInDisorder":
        for order, story in self._stories:
            try:
                step(story)
            except Exception as error:
                error.add_note(f"({order})")
                raise
        return self
