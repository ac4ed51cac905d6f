"""The log of a node that sold seats, read from its beginning and checked against the rules."""

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

from domain_12306.app import create
from domain_12306.messages import RunOpened, SeatsReserved
from domain_12306.workload.audit import audit
from engine import Event
from engine.node.data_directory import DataDirectory
from engine.wire.log import record_decoder


class Ledger:
    """What the log says, read from its beginning. `broken`: what is wrong, in words.

    Seats are counted with plain integers, one bit per segment: nothing here is shared with the core's gaps or
    the view's arrays.
    """

    def __init__(self, audited: int, seed: int) -> None:
        self.runs = self.orders = self.tickets = self.audited = 0
        self.broken: list[str] = []
        self._audits, self._seed = audited, seed
        self._segments: dict[str, int] = {}
        self._seats: dict[str, dict[str, int]] = {}
        self._versions: dict[str, int] = {}
        self._taken: dict[tuple[str, str, int], int] = {}

    def read(self, data: Path, partitions: int, settings: dict[str, str]) -> None:
        """Reads all partitions, then audits the runs that sold most and a sample of the others."""
        decode = record_decoder(create(settings)).decode
        for partition in range(partitions):
            self._each(data, partition, decode, self._take)
        chosen = self._sample()
        histories: dict[str, list[Event]] = {run: [] for run in chosen}

        def collect(commit: Any) -> None:
            if commit.aggregate in histories:
                histories[commit.aggregate] += commit.events

        for partition in range(partitions):
            self._each(data, partition, decode, collect)
        for run, events in histories.items():
            found = audit(events)
            self.broken += [f"{run}: {text}" for text in found.broken]
            self.audited += 1

    def _each(
        self, data: Path, partition: int, decode: Callable[[bytes], Any], take: Callable[[Any], None]
    ) -> None:
        reader = DataDirectory(data).reader(partition)
        position = 0
        for last, record in reader.records():
            first, commits = decode(record)
            if first != position + 1 or last != first + len(commits) - 1:
                self.broken.append(f"positions {first}..{last} follow on {position}")
            position = last
            for commit in commits:
                take(commit)
        reader.close()

    def _take(self, commit: Any) -> None:
        run = commit.aggregate
        version = self._versions.get(run, 0) + 1
        if commit.version != version:
            self.broken.append(f"{run}: version {commit.version} where {version} belongs")
        self._versions[run] = commit.version
        for event in commit.events:
            if isinstance(event, RunOpened):
                self.runs += 1
                self._segments[run] = len(event.stops) - 1
                seats = self._seats[run] = {}
                for _, code, count in event.coaches:
                    seats[code] = seats.get(code, 0) + count
            elif isinstance(event, SeatsReserved):
                self.orders += 1
                self.tickets += len(event.passengers)
                bits = (1 << event.alight) - (1 << event.board)
                for seat, _, _ in event.seats:
                    key = (run, event.seat_class, seat)
                    taken = self._taken.get(key, 0)
                    if taken & bits or seat >= self._seats[run].get(event.seat_class, 0):
                        self.broken.append(f"{run}: {event.seat_class}{seat} was sold twice, or is no seat")
                    self._taken[key] = taken | bits
            else:
                self.broken.append(f"{run}: {event} was never asked for")

    def _sample(self) -> list[str]:
        busiest = sorted(self._versions, key=lambda run: (-self._versions[run], run))
        most = busiest[: self._audits // 2]
        rest = busiest[len(most) :]
        return most + random.Random(self._seed).sample(rest, min(len(rest), self._audits - len(most)))

    def totals(self) -> dict[str, int]:
        """As the view's query `totals` gives it."""
        capacity = sum(sum(seats.values()) * self._segments[run] for run, seats in self._seats.items())
        sold = sum(taken.bit_count() for taken in self._taken.values())
        return {"runs": self.runs, "seat_segments": capacity, "seat_segments_sold": sold}
