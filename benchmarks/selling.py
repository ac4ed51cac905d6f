"""The workload: seats reserved and, once 500 reservations are live, released again, so that every command
changes state. Train-runs of 1,200 seats over 20 segments, journeys of 1 to 6 segments, one passenger each.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field

import msgspec

from domain_12306.messages import ReleaseOrder, ReserveSeats
from domain_12306.workload.synthetic import SEAT_CLASS, SEGMENTS, run_name, station
from engine import Command

LIVE = 500
LONGEST = 6

Message = tuple[bytes, int]
"""(encoded commands, how many)."""

Reservation = tuple[str, str, int, int]
"""(run, order, first segment, segment after the last)."""


@dataclass
class Story:
    """A workload made beforehand, and what must be true when it is done."""

    messages: list[Message] = field(default_factory=list)
    ids: set[str] = field(default_factory=set)
    reserved: int = 0
    released: int = 0
    sold: dict[tuple[str, int], int] = field(default_factory=dict)
    """(run, segment) → seats sold on it at the end."""
    live: list[Reservation] = field(default_factory=list)
    """What is reserved at the end, oldest first."""


def tell(commands: int, batch: int, aggregates: int, seed: int = 2, after: Story | None = None) -> Story:
    """Encodes `commands` commands in messages of `batch`; a batch of 1 is one object, not an array.
    `after`: goes on from the end of that story (whose `live` and `sold` it takes over)."""
    story = Story(live=after.live, sold=after.sold) if after else Story()
    encode = msgspec.json.Encoder().encode
    pending: list[Command] = []
    for command in _commands(commands, aggregates, seed, story):
        pending.append(command)
        story.ids.add(command.id)
        if len(pending) == batch:
            story.messages.append((encode(pending if batch > 1 else pending[0]), len(pending)))
            pending = []
    if pending:
        story.messages.append((encode(pending), len(pending)))
    return story


def _commands(total: int, aggregates: int, seed: int, story: Story) -> Iterator[Command]:
    draw = random.Random(seed)
    live = story.live
    names = [run_name(number) for number in range(aggregates)]
    for number in range(total):
        if len(live) > LIVE:
            name, order, first, last = live.pop(0)
            story.released += 1
            _sell(story, name, first, last, -1)
            yield ReleaseOrder(name, order=order)
        else:
            first = draw.randint(0, SEGMENTS - 1)
            last = draw.randint(first + 1, min(SEGMENTS, first + LONGEST))
            name, order = names[draw.randrange(aggregates)], f"{draw.getrandbits(64):016x}"
            live.append((name, order, first, last))
            story.reserved += 1
            _sell(story, name, first, last, 1)
            yield ReserveSeats(
                name,
                order=order,
                seat_class=SEAT_CLASS,
                board=station(first),
                alight=station(last),
                passengers=[f"1101011990030700{number % 100:02d}"],
            )


def _sell(story: Story, name: str, first: int, last: int, step: int) -> None:
    for segment in range(first, last):
        story.sold[name, segment] = story.sold.get((name, segment), 0) + step
