"""One chaos run: clients sell and give back seats on a few small trains while children of the node die."""

import os
import random
import shutil
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from domain_12306.messages import ConfirmOrder, ReleaseOrder, ReserveSeats
from domain_12306.workload.synthetic import SEAT_CLASS, open_synthetic_run, run_name, station
from engine import Client, Command, Node, Receipt
from engine.cli.journal import commands
from engine.node.data_directory import DataDirectory
from engine.node.endpoints import Endpoints
from tests.chaos.app import GROUP
from tests.chaos.weather import Weather
from tests.checker import UNKNOWN, Attempt, Line, check
from tests.deadline import until
from tests.model import Model

APP = "tests.chaos.app:create"
RUNS, SEATS, SEGMENTS = 6, 60, 8
CLIENTS = 4
RECENT = 5_000  # commands: a rejection is remembered for a window of them, a commit for ever
TWICE = 0.1
MANY_KILLS, PAUSE_S = 100, 0.05  # in a long run, so that the disk and the checker have room for it
PER_TURN = 30  # commands that a client has in flight
SETTINGS = {
    "segment_bytes": 1 << 18,
    "max_message_bytes": 1 << 16,
    "checkpoint_ms": 100,
    "disk_reserve_bytes": 0,  # the disk is as small as it is
    "snapshot_events": 500,  # so that cores come back from snapshots, and segments leave the journal
}


@dataclass
class Report:
    """What happened, and every broken promise."""

    seed: int
    kills: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    longest_absence_s: float = 0.0
    snapshots: int = 0
    archived: int = 0  # journal segments
    rare: Counter[str] = field(default_factory=Counter)
    """how often what is rare has happened"""
    broken: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        killed = ", ".join(f"{name} {count}" for name, count in sorted(self.kills.items()))
        rare = ", ".join(f"{count} {name}" for name, count in sorted(self.rare.items()))
        answers = ", ".join(f"{count} {name}" for name, count in self.outcomes.most_common())
        return (
            f"seed {self.seed}: {self.kills.total()} kills ({killed}); {answers}; "
            f"longest absence {self.longest_absence_s:.2f} s; {self.snapshots} snapshots, "
            f"{self.archived} segments archived; {rare}; {len(self.broken)} broken promises"
        )


class Seller(threading.Thread):
    """A client with a memory: what it sent, when, and what it was told."""

    def __init__(
        self, number: int, seed: int, endpoints: Endpoints, stop: threading.Event, pause_s: float
    ) -> None:
        super().__init__(name=f"seller-{number}")
        self.attempts: list[Attempt] = []
        self.error: BaseException | None = None
        self.twice = 0
        self._draw = random.Random(f"{seed}/{number}")
        self._number = number
        self._orders: list[tuple[str, str]] = []
        self._sent: list[Command] = []
        self._endpoints, self._stop_asked, self._pause_s = endpoints, stop, pause_s

    def run(self) -> None:
        try:
            with Client(self._endpoints) as client, Client(self._endpoints) as twin:
                while not self._stop_asked.is_set():
                    self._turn(client, twin)
                    self._stop_asked.wait(self._pause_s)
        except BaseException as error:
            self.error = error

    def _turn(self, client: Client, twin: Client) -> None:
        """Sends some commands; now and then a second client sends the same ones at the same time."""
        wanted = [self._next() for _ in range(self._draw.randint(1, PER_TURN))]
        sent_at = time.monotonic()
        waiting = [client.submit(command, timeout_s=30.0) for command in wanted]
        if self._draw.random() < TWICE:
            again = [twin.submit(command, timeout_s=30.0) for command in wanted]
            self.attempts += [attempt_of(twin.wait(one), sent_at) for one in again]
            self.twice += len(again)
        for command, one in zip(wanted, waiting, strict=True):
            receipt = client.wait(one)
            self.attempts.append(attempt_of(receipt, sent_at))
            self._sent.append(command)
            if isinstance(command, ReserveSeats) and receipt.outcome in ("committed", "unknown"):
                self._orders.append((command.aggregate, command.order))

    def _next(self) -> Command:
        draw = self._draw
        kind = draw.random()
        if kind < 0.1 and self._sent:
            return draw.choice(self._sent[-RECENT:])  # again, under the same id
        if kind < 0.55 and self._orders:
            name, order = self._orders.pop(draw.randrange(len(self._orders)))
            return ReleaseOrder(name, order=order)
        if kind < 0.65 and self._orders:
            name, order = draw.choice(self._orders)
            return ConfirmOrder(name, order=order)
        name = run_name(draw.randrange(RUNS))
        first = draw.randrange(SEGMENTS)
        return ReserveSeats(
            name,
            order=f"{self._number}-{draw.getrandbits(48):x}",
            seat_class=SEAT_CLASS,
            board=station(first),
            alight=station(draw.randint(first + 1, SEGMENTS)),
            passengers=[f"p{k}" for k in range(draw.choice((1, 1, 1, 2, 3)))],
        )


def attempt_of(receipt: Receipt, sent_at: float) -> Attempt:
    """A line of the history. A `busy` at the deadline says that the last sending had no effect; one before
    it may have had: unknown."""
    outcome = UNKNOWN if receipt.outcome == "busy" else receipt.outcome
    answer = (receipt.version, receipt.position, receipt.code)
    return Attempt(receipt.id, sent_at, time.monotonic(), outcome, answer)


def run(
    data: Path,
    *,
    kills: int,
    seed: int,
    seconds: float = 0.0,
    partitions: int = 1,
    disk: bool = False,
    tell: Callable[[str], None] = lambda text: None,
) -> Report:
    """Kills children at random until there were `kills` and `seconds` are over; then heals and checks.
    `disk`: the data lies on a small disk of its own, which is filled now and then."""
    report = Report(seed)
    draw = random.Random(seed)
    until_at = time.monotonic() + seconds
    stop = threading.Event()
    archive = data.parent / "archive"
    data.parent.mkdir(exist_ok=True)
    weather = Weather(data, RUNS, draw, full=disk)
    settings = SETTINGS | {"partitions": partitions, "journal_archive": archive}
    node = Node(data, app=APP, settings=settings, log=data.parent.parent / "node.log")
    with weather.over(), node:
        history: list[Attempt] = []
        with Client(node.endpoints) as client:
            for number in range(RUNS):
                sent_at = time.monotonic()
                opened = client.send(open_synthetic_run(run_name(number), SEATS, SEGMENTS))
                history.append(attempt_of(opened, sent_at))
        pause_s = PAUSE_S if kills > MANY_KILLS else 0.0
        sellers = [Seller(number, seed, node.endpoints, stop, pause_s) for number in range(CLIENTS)]
        for seller in sellers:
            seller.start()
        try:
            while report.kills.total() < kills or time.monotonic() < until_at:
                stop.wait(draw.uniform(0.05, 0.9))
                strike(node, draw, report)
                weather.change()
                tell(f"{report.kills.total()} kills, {sum(len(s.attempts) for s in sellers)} answers")
            weather.clear_up()
            until(node.at_work, 60, "every process is back at work")
        finally:
            stop.set()
            for seller in sellers:
                seller.join(60)
        for seller in sellers:
            if seller.error is not None:
                raise seller.error
            history += seller.attempts
        report.outcomes.update(attempt.outcome for attempt in history)
        report.rare = weather.met + Counter({"sent by two at once": sum(s.twice for s in sellers)})
        until(lambda: at_rest(node, data, partitions), 60, "the process manager has sent everything")
        with Client(node.endpoints) as client:
            tables = views(client, data, partitions)
        assert node.page is not None
        report.snapshots = node.page.slot("snapshotter").snapshots_taken
        assert node.stop() == 0
    report.archived = put_back(archive, data / "journal")
    log = {p: stored(data, p) for p in range(partitions)}
    journal = list(commands(DataDirectory(data).journal))
    by_manager = sent_by_manager(history, journal)
    unknown = [Attempt(id, 0.0, 0.0, UNKNOWN) for id in by_manager]
    report.broken = check([*history, *unknown], log, journal) + differences(tables, log)
    report.broken += wrong_groups(log, by_manager)
    report.rare += rare_in((data.parent.parent / "node.log").read_text())
    return report


def put_back(archive: Path, journal: Path) -> int:
    """Makes the journal whole again, so that all of it can be checked; returns how much was archived."""
    segments = list(archive.glob("*.journal")) if archive.exists() else []
    for segment in segments:
        shutil.move(segment, journal / segment.name)
    (journal / "begins").unlink(missing_ok=True)
    return len(segments)


def strike(node: Node, draw: random.Random, report: Report) -> None:
    """Kills one child, each once before any twice, and mostly waits until it is back: now and then the next
    dies while it replays."""
    pids, killed_at = node.pids, time.monotonic()
    name = kill_one(pids, draw, report.kills)
    if name and draw.random() < 0.75:
        until(lambda: node.pids[name] != pids[name] and node.at_work(), 60, f"{name} is back at work")
        report.longest_absence_s = max(report.longest_absence_s, time.monotonic() - killed_at)


def kill_one(pids: dict[str, int], draw: random.Random, kills: Counter[str]) -> str:
    """Kills one of these, each once before any twice; its name, or empty if it had not come back yet."""
    name = draw.choice(sorted(pids.keys() - kills.keys() or pids))
    try:
        os.kill(pids[name], signal.SIGKILL)
    except ProcessLookupError:
        return ""
    kills[name] += 1
    return name


def stored(data: Path, partition: int) -> list[tuple[int, Any]]:
    """All of a partition's commits with their positions."""
    reader = DataDirectory(data).reader(partition)
    try:
        return list(reader.commits())
    finally:
        reader.close()


def views(client: Client, data: Path, partitions: int) -> dict[str, list[list[int]]]:
    """What the view says is left on each run, once it has taken everything in."""
    for partition in range(partitions):
        reader = DataDirectory(data).reader(partition)
        last = reader.position()
        reader.close()
        client.query("remaining", "positions", at_least=(partition, last), timeout_s=30)
    tables: dict[str, list[list[int]]] = {}
    for number in range(RUNS):
        train, _, date = run_name(number).partition("/")
        answer = client.query("remaining", "train", {"train": train, "date": date})
        tables[run_name(number)] = answer["table"][SEAT_CLASS]
    return tables


def differences(tables: dict[str, list[list[int]]], log: dict[int, list[tuple[int, Any]]]) -> list[str]:
    """Where the view is not the fold of the log."""
    model = Model()
    for entries in log.values():
        for _, commit in entries:
            model.fold(commit.aggregate, commit.events)
    wrong: list[str] = []
    for name, table in tables.items():
        run = model.runs[name]
        fold = [
            [run.free(SEAT_CLASS, a, b).bit_count() for b in range(a + 1, SEGMENTS + 1)]
            for a in range(SEGMENTS)
        ]
        if table != fold:
            wrong.append(f"the view of {name} is not the fold of its events")
    return wrong


def at_rest(node: Node, data: Path, partitions: int) -> bool:
    """True if the process manager knows all there is, and nothing of it is on its way."""
    assert node.page is not None
    slot = node.page.slot("manager-groups")
    last = 0
    for partition in range(partitions):
        reader = DataDirectory(data).reader(partition)
        last += reader.position()
        reader.close()
    return node.at_work() and slot.outbox == 0 and slot.position == last


def sent_by_manager(history: list[Attempt], journal: list[Line]) -> dict[str, str]:
    """Command id → order, of the confirmations that no client sent."""
    ours = {attempt.id for attempt in history}
    return {
        line["command"]["id"]: line["command"]["order"]
        for line in journal
        if line["command"]["type"] == "order.confirm" and line["command"]["id"] not in ours
    }


def wrong_groups(log: dict[int, list[tuple[int, Any]]], by_manager: dict[str, str]) -> list[str]:
    """Where not exactly one confirmation was sent for a group."""
    wanted = Counter(
        event["order"]
        for entries in log.values()
        for _, commit in entries
        for event in commit.events
        if event["type"] == "seats.reserved" and len(event["passengers"]) == GROUP
    )
    sent = Counter(by_manager.values())
    return [
        f"the group of order {order} was confirmed {sent[order]} times"
        for order in wanted | sent
        if (wanted[order], sent[order]) != (1, 1)
    ]


RARE = (
    "(row b)", "core.goes-back", "output.conflict", "journal.no-room", "output.no-room", "follow.no-room",
    "snapshot.taken", "journal.pruned", "process.hangs",
)  # fmt: skip


def rare_in(log: str) -> Counter[str]:
    """How often a line of the node's log says that something rare has happened."""
    return Counter({text: found for text in RARE if (found := log.count(text))})
