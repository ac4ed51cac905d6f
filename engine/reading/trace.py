"""The trace of a command: what led to it and what it led to, as one tree.

    up      from the command that is asked about, by causation, to the first one: the root
    down    from each command to those that name it as their causation, and to the timers that it set

Pure: what is known of an id a `Source` says (`engine.reading.causes`). Something that is no longer kept, or
is not there yet, has a place in the tree all the same.
"""

from collections import deque
from collections.abc import Iterator
from itertools import pairwise
from typing import Any, Protocol

import msgspec

from engine.managers.ended import TimerStory

MOST_LINKS = 1_000  # commands in a tree: chains may be endless
MOST_STEPS = 100  # up from a command, and down from it: JSON of twice the depth is more than encoders take
NOT_KEPT = "not-kept"


class Link(msgspec.Struct, omit_defaults=True):
    """A command in the chain: what became of it, and what it led to.

    `outcome`: committed, unchanged, rejected or failed; not-kept if its answer is no longer kept or not there
    yet; for a timer that has not fired, its state: waiting, cancelled or replaced. `cut`: True if it led to
    more than is shown.
    """

    command: str
    outcome: str
    aggregate: str = ""
    version: int = 0
    partition: int = 0
    position: int = 0
    time_ns: int = 0
    events: list[Any] = []
    result: Any = None
    code: str = ""
    message: str = ""
    correlation: str | None = None
    causation: str | None = None
    timer: TimerStory | None = None
    led_to: list["Link"] = []
    cut: bool = False


class Trace(msgspec.Struct):
    """The tree, and which of its commands was asked about. `cut`: True if something led to the root that is
    not shown."""

    asked: str
    root: Link
    cut: bool = False

    def links(self) -> Iterator[Link]:
        """All of the tree, each before what it led to."""
        waiting = [self.root]
        while waiting:
            link = waiting.pop()
            yield link
            waiting += reversed(link.led_to)


class Source(Protocol):
    """What is known of an id."""

    def find(self, id: str) -> Link | None:
        """The command, or the timer that will send it, without what it led to; None: nothing is known."""

    def led_to(self, id: str, most: int) -> list[Link]:
        """The first commands that name this one as their causation, in the order of their ids."""

    def timers_set_by(self, id: str) -> list[TimerStory]:
        """The timers that were set because of this command."""


def trace(source: Source, id: str, most: int = MOST_LINKS) -> Trace | None:
    """The tree around a command. None: nothing is known of it, nor of anything that it led to."""
    asked = source.find(id)
    path = [asked or Link(id, NOT_KEPT)]
    seen, longest = {id}, min(most, MOST_STEPS)
    while (above := path[-1].causation) is not None and above not in seen and len(path) < longest:
        seen.add(above)
        path.append(source.find(above) or Link(above, NOT_KEPT))
    cut = path[-1].causation is not None
    _complete(source, path, most)
    if asked is None and not path[0].led_to:
        return None
    return Trace(id, path[-1], cut)


def _complete(source: Source, path: list[Link], most: int) -> None:
    """Adds all that the commands of a path led to. Each on it is below the next one, whatever the room."""
    below = {above.command: link for link, above in pairwise(path)}
    known = {link.command for link in path}
    room = most - len(path)
    waiting = deque((link, 0) for link in path)
    while waiting:
        link, steps = waiting.popleft()
        children = _children(source, link.command, room + 1)
        kept = below.get(link.command)
        if kept is not None and kept.command in children:
            kept.timer = children[kept.command].timer
        new = [child for child in children.values() if child.command not in known]
        most_new = room if steps < MOST_STEPS else 0
        link.cut = len(new) > most_new
        new = new[:most_new]
        room -= len(new)
        known.update(child.command for child in new)
        waiting += ((child, steps + 1) for child in new)
        link.led_to = sorted([*new, *([] if kept is None else [kept])], key=lambda child: child.command)


def _children(source: Source, id: str, most: int) -> dict[str, Link]:
    children = {child.command: child for child in source.led_to(id, most)}
    for timer in source.timers_set_by(id):
        child = children.get(timer.id)
        if child is None:
            child = source.find(timer.id) if timer.state == "fired" else None
            child = children[timer.id] = child or link_of_timer(timer)
        child.timer = timer
    return children


def link_of_timer(timer: TimerStory) -> Link:
    """A timer in the place of its command, of which there is no outcome, or none that is kept."""
    return Link(
        timer.id,
        NOT_KEPT if timer.state == "fired" else timer.state,
        aggregate=timer.aggregate,
        correlation=timer.correlation,
        causation=timer.causation,
        timer=timer,
    )
