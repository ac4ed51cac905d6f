"""One run of a cluster: clients sell and give back seats over several nodes while those, and the servers that
they stand on, die; then everything is held against what was promised."""

import random
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec

from domain_12306.workload.synthetic import open_synthetic_run, run_name
from engine import Client, Command, Node
from engine.base.identity import partition_of
from engine.cluster.founding import found, manifest_of
from engine.cluster.jetstream import JetStreamCommands, JetStreamDecisions, stream_of, until_settled
from engine.cluster.link import Link, servers_of
from engine.cluster.logs import Message
from engine.cluster.servers import Servers
from engine.node.config import Config
from engine.node.data_directory import DataDirectory
from engine.store.place import decode_place
from engine.wire.commands import split_commands
from engine.wire.replicated import decode_commands
from tests.chaos.story import RUNS, SEATS, SEGMENTS, differences, stored, views
from tests.checker import Attempt, Line, check
from tests.cluster.app import GROUP, create
from tests.cluster.faults import Faults
from tests.cluster.rot import Rot
from tests.cluster.sellers import FINAL, GateSeller, client_of, sent
from tests.crash.story import aimed
from tests.deadline import until

APP = "tests.cluster.app:create"
PARTITIONS = 2
WITNESS = 0  # the partition whose commands are all kept, so that each decision can be checked by the model
CLIENTS = 4
SETTLE_S = 60.0
SHORTLY_S = 1.0
DEATHS_S = 120.0
SETTINGS: dict[str, object] = {
    "max_message_bytes": 1 << 16,
    "checkpoint_ms": 200,
    "disk_reserve_bytes": 0,
    "memory_reserve_bytes": 0,
    "snapshot_events": 2_000,
    "max_wait_ms": 0,
}


@dataclass(frozen=True)
class Plan:
    """What a run is like. `kill`: as of `Faults`; `split`: every node owns everything;
    `skew`: one node runs another version of the application; `damage`: at the end a copy of a log rots;
    `deaths`: (crash point, n), each of which one process of some node meets once."""

    seed: int
    seconds: float
    kill: str = "nodes"
    nodes: int = 2
    split: bool = False
    stop: bool = False
    skew: bool = False
    kills: int = 0
    damage: bool = False
    deaths: tuple[tuple[str, int], ...] = ()


@dataclass
class Report:
    """What happened, and every broken promise."""

    plan: Plan
    met: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    conflicts: int = 0
    owner_changes: int = 0
    longest_pause_s: float = 0.0
    """between two answers from one partition"""
    before_it: str = ""
    """what was done shortly before that pause, or in it"""
    longest_wait_s: float = 0.0
    """of one command, from its first sending to its answer"""
    damage: str = ""
    broken: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        met = ", ".join(f"{count} {name}" for name, count in sorted(self.met.items()))
        answers = ", ".join(f"{count} {name}" for name, count in self.outcomes.most_common())
        return (
            f"{self.plan}: {met or 'no faults'}; {answers}; {self.conflicts} conflicts, "
            f"{self.owner_changes} owner changes; longest pause {self.longest_pause_s:.2f} s "
            f"({self.before_it or 'without a fault'}), longest wait {self.longest_wait_s:.2f} s; "
            f"{self.damage and f'damage: {self.damage}; '}{len(self.broken)} broken promises"
        )


def run(folder: Path, plan: Plan, tell: Callable[[str], None] = lambda text: None) -> Report:
    """Founds a cluster in a folder, has it struck, heals it and checks it."""
    report, draw = Report(plan), random.Random(plan.seed)
    with Servers(folder / "nats", 3) as servers:
        common: dict[str, object] = {"cluster": servers.urls, "cluster_monitors": servers.monitors}
        config = Config(
            app=APP, partitions=PARTITIONS, cluster=servers.urls, cluster_monitors=servers.monitors
        )
        app = create({})
        found(config, manifest_of(app, PARTITIONS))
        keep_commands(config)
        nodes = [node_of(folder, number, plan, SETTINGS | common) for number in range(plan.nodes)]
        notes = [folder / f"{point}-{number}" for point, number in plan.deaths]
        aims = [f"{point}:{n}:{note}" for (point, n), note in zip(plan.deaths, notes, strict=True)]
        try:
            with aimed(aims):
                for node in nodes:
                    node.start()
                history, commands = play(nodes, servers, draw, report, tell, notes)
            report.broken += [f"never reached: {note.name}" for note in notes if not note.exists()]
            if plan.damage:
                rot = Rot(servers, config, WITNESS, draw)
                late = node_of(folder, plan.nodes, plan, SETTINGS | common)
                nodes.append(rot.come(lambda: late))
                report.damage, report.broken = rot.named, report.broken + rot.broken
            log, lines, tables = at_the_end(nodes, config, report)
        finally:
            for node in nodes:
                node.kill()
    report.outcomes.update(attempt.outcome for attempt in history)
    report.broken += verdict(history, commands, log, lines, plan)
    for name, table in tables.items():
        report.broken += [f"on {name}, {wrong}" for wrong in differences(table, log)]
    return report


def node_of(folder: Path, number: int, plan: Plan, settings: Mapping[str, object]) -> Node:
    """A node that is not started yet."""
    name = f"node{number}"
    own: dict[str, object] = {"node": name}
    if plan.split:
        own["cluster_owns"] = "all"
    if plan.skew and number % 2:
        own["groups"] = "no"
    return Node(folder / name, app=APP, settings={**settings, **own}, log=folder / f"{name}.log")


def keep_commands(config: Config) -> None:
    """Nothing is removed from the commands of the partition that is the witness."""
    with closing(Link(servers_of(config.cluster), "chaos")) as link:

        async def deny() -> None:
            info = await link.streams.stream_info(stream_of(config.cluster_name, "C", WITNESS))
            info.config.deny_purge = True
            await link.streams.update_stream(info.config)

        link.ask(until_settled(deny), 60)


def play(
    nodes: list[Node],
    servers: Servers,
    draw: random.Random,
    report: Report,
    tell: Callable[[str], None],
    notes: list[Path],
) -> tuple[list[Attempt], dict[str, Command]]:
    """Sells while faults strike, and until all deaths have come or are long overdue, of which there are notes
    then; all attempts, and all commands by id."""
    plan, data = report.plan, [node.data for node in nodes]
    opening: list[Command] = [open_synthetic_run(run_name(number), SEATS, SEGMENTS) for number in range(RUNS)]
    with client_of(data) as client:
        history = sent(client, opening)
    commands = {command.id: command for command in opening}
    stop = threading.Event()
    sellers = [GateSeller(number, plan.seed, data, stop) for number in range(CLIENTS)]

    def answers() -> int:
        return sum(len(seller.attempts) for seller in sellers)

    faults = Faults(nodes, servers, draw, answers, kill=plan.kill, stop=plan.stop)
    report.met = faults.met
    until_at = time.monotonic() + plan.seconds

    def goes_on() -> bool:
        overdue = time.monotonic() > until_at + DEATHS_S
        deaths = not overdue and not all(note.exists() for note in notes)
        return time.monotonic() < until_at or faults.met.total() < plan.kills or deaths

    for seller in sellers:
        seller.start()
    try:
        while goes_on():
            stop.wait(draw.uniform(0.05, 1.5))
            faults.strike()
            tell(f"{faults.met.total()} faults, {answers()} answers")
        faults.heal()
    finally:
        stop.set()
        for seller in sellers:
            seller.join(90)
    for seller in sellers:
        if seller.error is not None:
            raise seller.error
        history += seller.attempts
        commands |= seller.commands
    report.longest_wait_s = max(one.ended_at - one.sent_at for one in history)
    report.longest_pause_s, began = longest_pause(history, commands)
    ended = began + report.longest_pause_s
    report.before_it = ", ".join(told for at, told in faults.told if began - SHORTLY_S < at < ended)
    return history, commands


def longest_pause(history: Iterable[Attempt], commands: Mapping[str, Command]) -> tuple[float, float]:
    """The longest time without an answer from a partition, and when that began."""
    moments: dict[int, list[float]] = defaultdict(list)
    for attempt in history:
        if attempt.outcome in FINAL:
            partition = partition_of(commands[attempt.id].aggregate, PARTITIONS)
            moments[partition].append(attempt.ended_at)
    gaps = [(0.0, 0.0)]
    for some in moments.values():
        some.sort()
        gaps += [(after - before, before) for before, after in pairwise(some)]
    return max(gaps)


def at_the_end(
    nodes: list[Node], config: Config, report: Report
) -> tuple[dict[int, list[tuple[int, Any]]], list[Line], dict[str, dict[str, list[list[int]]]]]:
    """Waits until every node has everything, stops them and compares their stores. The log, the commands of
    the witness, and what the view of each node says."""
    with closing(Link(servers_of(config.cluster), "chaos")) as link:
        name = config.cluster_name
        for partition in range(PARTITIONS):
            last = JetStreamDecisions(link, name, partition).last().result(20)
            for node in nodes:
                until(lambda: place(node, partition) >= last, SETTLE_S, f"{node.data.name} has everything")  # noqa: B023
        queued = read_all(JetStreamCommands(link, name, WITNESS))
    tables = {}
    for node in nodes:
        assert node.page is not None
        slots = [node.page.slot(f"output-{partition}") for partition in range(PARTITIONS)]
        report.conflicts += sum(slot.conflicts for slot in slots)
        report.owner_changes += node.page.slot("member").terms
        with Client(node.endpoints) as client:
            tables[node.data.name] = views(client, node.data, PARTITIONS)
    for node in nodes:
        if (code := node.stop()) != 0:
            report.broken.append(f"{node.data.name} ended with {code}")
    for partition in range(PARTITIONS):
        report.broken += unequal(nodes, partition)
    log = {partition: stored(nodes[0].data, partition) for partition in range(PARTITIONS)}
    return log, lines_of(queued, log[WITNESS]), tables


def place(node: Node, partition: int) -> int:
    """How far a node's store has followed."""
    reader = DataDirectory(node.data).reader(partition)
    try:
        return decode_place(reader.place()).decision
    finally:
        reader.close()


def unequal(nodes: list[Node], partition: int) -> list[str]:
    """Where the stores of the nodes are not equal, row for row."""
    found = [rows(node, partition) for node in nodes]
    return [
        f"partition {partition}: the table {table} of {node.data.name} is not that of {nodes[0].data.name}"
        for node, tables in zip(nodes, found, strict=True)
        for table in tables
        if tables[table] != found[0][table]
    ]


def rows(node: Node, partition: int) -> dict[str, list[tuple[bytes, bytes]]]:
    """Every row of every table of a store."""
    reader = DataDirectory(node.data).reader(partition)
    try:
        with reader.env.begin() as txn:
            return {
                name: [(bytes(key), bytes(value)) for key, value in txn.cursor(db=table)]
                for name, table in reader.tables._asdict().items()
            }
    finally:
        reader.close()


def read_all(log: JetStreamCommands) -> list[Message]:
    """All messages of a log from which nothing was removed."""
    last = log.last().result(20)
    found: list[Message] = []
    log.follow(0, found.append)
    until(lambda: len(found) >= last, SETTLE_S, "all commands are read")
    log.pause()
    return found


def lines_of(queued: Iterable[Message], log: list[tuple[int, Any]]) -> list[Line]:
    """The commands of a partition as those of a journal: what was committed has the time of its commit, what
    was not the moment after the one before."""
    times = {commit.sequence: commit.time_ns for _, commit in log}
    lines: list[Line] = []
    time_ns = 0
    for message in queued:
        for _, _, body in decode_commands(message.body)[1]:
            for command in split_commands(body):
                sequence = len(lines) + 1
                time_ns = times.get(sequence, time_ns + 1)
                shown = msgspec.json.decode(command)
                lines.append({"sequence": sequence, "time_ns": time_ns, "command": shown})
    return lines


def verdict(
    history: list[Attempt],
    commands: Mapping[str, Command],
    log: Mapping[int, list[tuple[int, Any]]],
    lines: list[Line],
    plan: Plan,
) -> list[str]:
    """Every broken promise, partition by partition."""
    broken = [f"{one.id} was never answered" for one in history if one.outcome not in FINAL]
    for partition, entries in log.items():
        of_it = [one for one in history if partition_of(commands[one.id].aggregate, PARTITIONS) == partition]
        found = check(of_it, {partition: entries}, lines if partition == WITNESS else None)
        broken += [text for text in found if not (plan.skew and is_of_a_group(text, commands))]
    return broken


def is_of_a_group(text: str, commands: Mapping[str, Command]) -> bool:
    """True if the model only misses that a group was refused, which one of two versions does."""
    id = text.split()[1]
    asked: Any = commands.get(id)
    return "expected committed" in text and len(getattr(asked, "passengers", ())) >= GROUP
