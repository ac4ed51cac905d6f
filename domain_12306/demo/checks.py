"""The checks of the promises against what is stored, which share no code with the core or the view."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from domain_12306.app import create
from domain_12306.demo.board import VIEW
from domain_12306.demo.seller import Account
from domain_12306.messages import RunOpened, SeatsReleased, SeatsReserved
from domain_12306.workload.audit import audit
from engine import Client, Event
from engine.cli.journal import commands
from engine.node.data_directory import DataDirectory
from engine.wire.log import record_decoder

ANSWERED_FROM_THE_LOG = ("committed", "rejected", "unchanged")
QUERY_S = 30.0


@dataclass
class Finding:
    """One promise: what it says, on how much it was checked, and what contradicts it."""

    promise: str
    extent: str
    broken: list[str]


@dataclass
class Log:
    """The event store as it is on disk. `commits`: command id → (outcome, version, partition, position)."""

    commits: dict[str, tuple[str, int, int, int]] = field(default_factory=dict)
    events: dict[str, list[Event]] = field(default_factory=dict)  # by run
    own: set[str] = field(default_factory=set)  # commands that none of the sellers sent
    ends: dict[int, int] = field(default_factory=dict)  # partition → last position
    broken: list[str] = field(default_factory=list)

    def finding(self) -> Finding:
        """The result of reading it."""
        extent = f"{len(self.commits):,} commits on {len(self.events):,} runs"
        return Finding("no gap in the log, no effect twice", extent, self.broken)


def read_log(data: Path, partitions: int, app_settings: dict[str, str]) -> Log:
    """Reads all of it; positions and versions have to follow on each other, ids must not come twice."""
    log = Log()
    decode = record_decoder(create(app_settings)).decode
    versions: dict[str, int] = {}
    for partition in range(partitions):
        reader = DataDirectory(data).reader(partition)
        position = 0
        for _, record in reader.records():
            first, commits = decode(record)
            if first != position + 1:
                log.broken.append(f"partition {partition}: position {first} follows on {position}")
            for position, commit in enumerate(commits, first):
                run, version = commit.aggregate, commit.version
                if version != versions.get(run, 0) + 1:
                    log.broken.append(f"{run}: version {version} follows on {versions.get(run, 0)}")
                versions[run] = version
                if commit.command in log.commits:
                    log.broken.append(f"command {commit.command} took effect twice")
                log.commits[commit.command] = "committed", version, partition, position
                if "/" in run:  # the name of a train-run; orders, payments and people have no such name
                    log.events.setdefault(run, []).extend(commit.events)
                if "/" not in run or commit.causation or isinstance(commit.events[0], RunOpened):
                    log.own.add(commit.command)
        log.ends[partition] = position
        reader.close()
    return log


def check_answers(log: Log, accounts: Iterable[Account]) -> Finding:
    """No answer without its commit, no commit without its answer, the same answer however often."""
    finding = Finding("every answer is what the log says", "", [])
    answers: dict[str, tuple[str, int, int, int]] = {}
    again = 0
    for account in accounts:
        answers |= account.answers
        again += account.asked_again
        finding.broken += account.broken
    for id, answer in answers.items():
        committed = answer[0] == "committed"
        if committed != (id in log.commits) or (committed and answer != log.commits[id]):
            finding.broken.append(f"command {id} was answered {answer}, the log has {log.commits.get(id)}")
    lost = log.commits.keys() - answers.keys() - log.own
    finding.broken += [f"command {id} is in the log and was not answered" for id in lost]
    finding.extent = f"{len(answers):,} answers, {again:,} of them asked for twice"
    return finding


def check_rules(log: Log) -> Finding:
    """Each run's history, event by event."""
    broken: list[str] = []
    for run, events in log.events.items():
        broken += [f"{run}: {text}" for text in audit(events).broken]
    number = sum(map(len, log.events.values()))
    return Finding("no seat is sold twice, none is missing", f"{number:,} events audited", broken)


def check_view(log: Log, client: Client) -> Finding:
    """The view of every run that sold anything, from every stop to every later one, and the totals."""
    for end in log.ends.items():
        client.query(VIEW, "positions", at_least=end, timeout_s=QUERY_S)
    finding = Finding("the view is the fold of the events", "", [])
    numbers = tables = capacity = sold = 0
    for run, events in log.events.items():
        fold = Fold(events)
        capacity, sold = capacity + fold.capacity, sold + fold.sold
        if len(events) == 1:
            continue  # never sold: its totals are counted, its table is all capacity
        train, _, date = run.partition("/")
        answer = client.query(VIEW, "train", {"train": train, "date": date}, timeout_s=QUERY_S)
        expected = fold.tables()
        if answer["table"] != expected:
            finding.broken.append(f"{run}: the view says {answer['table']}, its events {expected}")
        tables += 1
        numbers += sum(len(row) for rows in expected.values() for row in rows)
    totals = client.query(VIEW, "totals", timeout_s=QUERY_S)
    expected_totals = {"runs": len(log.events), "seat_segments": capacity, "seat_segments_sold": sold}
    if totals != expected_totals:
        finding.broken.append(f"the view's totals are {totals}, those of the log {expected_totals}")
    finding.extent = f"{numbers:,} numbers of {tables:,} runs"
    return finding


def check_journal(data: Path, accounts: Iterable[Account], log: Log) -> Finding:
    """Every command that was answered, and every commit, is in the journal; sequences have no gap."""
    finding = Finding("every answered command is in the journal", "", [])
    ids: dict[str, bool] = {}
    last = 0
    for entry in commands(DataDirectory(data).journal):
        if entry["sequence"] != last + 1:
            finding.broken.append(f"sequence {entry['sequence']} follows on {last}")
        last = entry["sequence"]
        ids[entry["command"]["id"]] = True
    answered: list[str] = [*log.commits]
    for account in accounts:
        answered += [id for id, answer in account.answers.items() if answer[0] in ANSWERED_FROM_THE_LOG]
    finding.broken += [f"command {id} was answered and is not there" for id in answered if id not in ids]
    finding.extent = f"{last:,} commands read back"
    return finding


class Fold:
    """What a run's events come to: per class and segment a mask of taken seats, one bit a seat."""

    def __init__(self, events: list[Event]) -> None:
        opened = events[0]
        assert isinstance(opened, RunOpened)
        self._segments = len(opened.stops) - 1
        self._seats: dict[str, int] = {}
        for _, code, seats in opened.coaches:
            self._seats[code] = self._seats.get(code, 0) + seats
        self._taken = {code: [0] * self._segments for code in self._seats}
        for event in events:
            if isinstance(event, SeatsReserved | SeatsReleased):
                bits = sum([1 << seat for seat, _, _ in event.seats])
                masks = self._taken[event.seat_class]
                for segment in range(event.board, event.alight):
                    masks[segment] ^= bits  # that seats were free, or taken, is for the audit to say

    @property
    def capacity(self) -> int:
        """Seat-segments there are."""
        return sum(self._seats.values()) * self._segments

    @property
    def sold(self) -> int:
        """Seat-segments that are taken."""
        return sum([mask.bit_count() for masks in self._taken.values() for mask in masks])

    def tables(self) -> dict[str, Any]:
        """Class → `[a][b - a - 1]`, seats left from stop a to stop b: as the query `train` gives it."""
        return {code: self._table(code) for code in self._seats}

    def _table(self, code: str) -> list[list[int]]:
        rows = []
        for a in range(self._segments):
            taken, row = 0, []
            for mask in self._taken[code][a:]:
                taken |= mask
                row.append(self._seats[code] - taken.bit_count())
            rows.append(row)
        return rows
