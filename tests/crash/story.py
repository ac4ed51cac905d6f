"""One story of a crash: a small load until the deaths that were asked for, a stop, a start, the same again.

Every reservation is followed by a confirmation and a release, which a process manager sends. So at the end
each order was reserved once, released once and confirmed at most once, whatever died on the way.
"""

import os
import random
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from domain_12306.messages import ReserveSeats
from domain_12306.workload.synthetic import SEAT_CLASS, open_synthetic_run, run_name, station
from engine import Client, Command, Node, QueryRefused
from engine.base.crash import VARIABLE
from engine.cli.journal import commands
from engine.node.data_directory import DataDirectory
from tests.chaos.story import RUNS, SEATS, SEGMENTS, attempt_of, differences, put_back, stored, views
from tests.checker import UNKNOWN, Attempt, check
from tests.deadline import until

APP = "tests.crash.app:create"
PARTITIONS = 2
SETTINGS = {
    "partitions": PARTITIONS,
    "segment_bytes": 1 << 16,  # the least there is, so that segments roll and leave
    "max_message_bytes": 1 << 14,
    "ring_bytes": 1 << 20,
    "checkpoint_ms": 20,
    "snapshot_events": 40,
}
REBUILDING = ("builder.", "view.taken-over", "view.pointed")
MOST_S = 120.0  # until a death that never comes is a failure
SENT_AGAIN = 400
BY_MANAGER = ("order.confirm", "order.release")


class Story:
    """The clients' side of it."""

    def __init__(self, seed: int) -> None:
        self.attempts: list[Attempt] = []
        self.sent: list[Command] = []
        self._draw = random.Random(seed)

    def open(self, client: Client) -> None:
        """Puts the trains on sale."""
        self.send(client, [open_synthetic_run(run_name(k), SEATS, SEGMENTS) for k in range(RUNS)])

    def turn(self, client: Client) -> None:
        """Some reservations, some of them sent twice, and one that is only waited for until it is durable."""
        wanted: list[Command] = [self._reservation() for _ in range(self._draw.randint(1, 12))]
        wanted += self._draw.sample(self.sent[-100:], 2)
        sent_at = time.monotonic()
        only = client.send(self._reservation(), wait="accepted", timeout_s=60)
        self.attempts.append(attempt_of(only, sent_at))
        self.send(client, wanted)

    def again(self, client: Client) -> None:
        """Sends the newest once more, under their ids."""
        self.send(client, self.sent[-SENT_AGAIN:])

    def send(self, client: Client, wanted: Sequence[Command]) -> None:
        """Sends, and notes what came of it."""
        sent_at = time.monotonic()
        self.attempts += [attempt_of(one, sent_at) for one in client.send_many(wanted, timeout_s=60)]
        self.sent += wanted

    def _reservation(self) -> ReserveSeats:
        first = self._draw.randrange(SEGMENTS)
        order = f"{self._draw.getrandbits(64):016x}"
        return ReserveSeats(
            run_name(self._draw.randrange(RUNS)),
            order=order,
            seat_class=SEAT_CLASS,
            board=station(first),
            alight=station(self._draw.randint(first + 1, SEGMENTS)),
            passengers=[f"{order}-{k:040d}" for k in range(self._draw.randint(1, 3))],
        )

    def broken(self, data: Path, tables: dict[str, list[list[int]]]) -> list[str]:
        """What was promised and not kept, once the node has stopped."""
        log = {p: stored(data, p) for p in range(PARTITIONS)}
        journal = list(commands(DataDirectory(data).journal))
        ours = {attempt.id for attempt in self.attempts}
        # Of what the process manager sent no client knows the outcome.
        others = {
            line["command"]["id"]: Attempt(line["command"]["id"], 0.0, 0.0, UNKNOWN)
            for line in journal
            if line["command"]["id"] not in ours and line["command"]["type"] in BY_MANAGER
        }
        broken = check([*self.attempts, *others.values()], log, journal)
        return broken + differences(tables, log) + _of_orders(log)


def _of_orders(log: dict[int, list[tuple[int, Any]]]) -> list[str]:
    happened = Counter(
        (event["order"], event["type"])
        for entries in log.values()
        for _, commit in entries
        for event in commit.events
        if "order" in event
    )
    broken = []
    for order in {order for order, _ in happened}:
        released, confirmed = happened[order, "seats.released"], happened[order, "order.confirmed"]
        if (happened[order, "seats.reserved"], released) != (1, 1) or confirmed > 1:
            broken.append(f"order {order} was confirmed {confirmed} times and given back {released} times")
    return broken


@contextmanager
def aimed(aims: Sequence[str]) -> Iterator[None]:
    """Processes that are started in here die at these points."""
    os.environ[VARIABLE] = ",".join(aims)
    try:
        yield
    finally:
        del os.environ[VARIABLE]


def run(folder: Path, aims: Sequence[tuple[str, int]], seed: int = 12306) -> list[str]:
    """Has a node die at these (point, n), each once, goes on, starts it again, and returns what is broken.
    A death that does not come is broken, too."""
    data, archive = folder / "data", folder / "archive"
    notes = [folder / f"{point}-{number}" for point, number in aims]
    settings = SETTINGS | {"journal_archive": archive}
    node = Node(data, app=APP, settings=settings, log=folder / "log")
    story = Story(seed)
    with aimed([f"{point}:{n}:{note}" for (point, n), note in zip(aims, notes, strict=True)]):
        node.start()
        try:
            with Client(node.endpoints) as client:
                story.open(client)
                died = _until_all_died(node, story, client, notes)
                for _ in range(3 if not died else 0):
                    story.turn(client)
            code = node.stop()
        except BaseException:
            node.kill()
            raise
    if died or code:
        return [*died, *([f"the node ended with {code}"] if code else [])]
    with node, Client(node.endpoints) as client:
        story.again(client)
        story.turn(client)
        until(lambda: _at_rest(node, data), 60, "every order is given back")
        tables = views(client, data, PARTITIONS)
        page = node.page
        assert page is not None
        restarts = {name: page.slot(name).restarts for name in page.names if page.slot(name).restarts}
    put_back(archive, data / "journal")
    broken = story.broken(data, tables)
    return broken + [f"{name} was started again, and nothing killed it" for name in restarts]


def _until_all_died(node: Node, story: Story, client: Client, notes: Sequence[Path]) -> list[str]:
    """Goes on until all deaths have come and every process is back; returns those that did not come."""
    deadline = time.monotonic() + MOST_S
    page = node.page
    assert page is not None
    rebuilds = any(note.name.startswith(REBUILDING) for note in notes)
    in_builders = sum(note.name.startswith("builder.") for note in notes)  # the projector starts them again
    while not all(note.exists() for note in notes):
        if time.monotonic() > deadline:
            return [f"never reached: {note.name}" for note in notes if not note.exists()]
        story.turn(client)
        if rebuilds:
            with suppress(QueryRefused, TimeoutError):  # one is built already, or the view is not there
                client.query("remaining", "rebuild", timeout_s=0.5)
    died = len(notes) - in_builders
    until(lambda: sum(page.slot(name).restarts for name in page.names) >= died, 60, "the restarts")
    until(lambda: builds_nothing(client), 60, "what was to be built is built")
    until(node.at_work, 60, "every process is back at work")
    return []


def builds_nothing(client: Client) -> bool:
    """True if the view serves the newest that was asked for."""
    try:
        return client.query("remaining", "versions", timeout_s=1.0)["building"] is None
    except (QueryRefused, TimeoutError):
        return False


def _at_rest(node: Node, data: Path) -> bool:
    """True if the process manager has nothing left to do."""
    assert node.page is not None
    slot = node.page.slot("manager-orders")
    readers = [DataDirectory(data).reader(p) for p in range(PARTITIONS)]
    try:
        stored = sum(reader.position() for reader in readers)
    finally:
        for reader in readers:
            reader.close()
    return slot.outbox == slot.timers == 0 and slot.position == stored
