"""The view that passengers look at: what is left, per train, journey and class; and a run's seat map.

Taking an event in is two list appends. The batch is folded into the tables (`tables.py`) when somebody
asks, when the view is saved, or when FOLD_AT events wait: that way the cost of an event is a fraction of a
microsecond, and a run that nobody bought a ticket for has no table at all.

Saved per run, under its id: the sold segments of the seats that have any. Tables follow from them.
"""

from collections.abc import Iterable
from datetime import date as Date
from datetime import timedelta
from hashlib import blake2b
from itertools import chain
from typing import Any

import msgspec
import numpy as np

from domain_12306.messages import CoachList, RunOpened, SeatGaps, SeatsReleased, SeatsReserved, StopList
from domain_12306.plan import PLANS, Plan
from domain_12306.tables import Block, Ints, Tables
from domain_12306.timetable import DAY
from engine import Commit, NoArguments, Projection, on, query

FOLD_AT = 32_768  # events; bounds memory and the time that a fold keeps the next event waiting (~20 ms)
LONGEST_TRIP_DAYS = 4  # real trains run over up to three midnights

Request = dict[str, Any]


class Journey(msgspec.Struct, forbid_unknown_fields=True):
    """`date`: the day at the boarding station. `seat_class`: only this one."""

    board: str
    alight: str
    date: str
    seat_class: str | None = None


class OneRun(msgspec.Struct, forbid_unknown_fields=True):
    """`date`: the origin date."""

    train: str
    date: str


class _SavedPlan(msgspec.Struct, array_like=True):
    stops: StopList
    coaches: CoachList


class SeatInventory(Projection):
    """Queries: `remaining`, `train`, `seats`, `totals`. See each for what it answers."""

    def __init__(self) -> None:
        self._plans: dict[str, Plan] = {}
        self._calls: dict[str, dict[str, None]] = {}
        self._tables = Tables()
        self._blocks: dict[str, Block] = {}
        self._sold: list[SeatsReserved] = []
        self._sold_on: list[str] = []
        self._freed: list[SeatsReleased] = []
        self._freed_on: list[str] = []
        self._opened: list[str] = []
        self._saved_plans: dict[int, bytes] = {}
        self._dirty: set[int] = set()

    # ------------------------------------------------------------------ events

    @on(RunOpened)
    def opened(self, event: RunOpened, meta: Commit) -> None:
        self._open(meta.aggregate, PLANS.of(event.stops, event.coaches))
        self._opened.append(meta.aggregate)

    @on(SeatsReserved)
    def reserved(self, event: SeatsReserved, meta: Commit) -> None:
        waiting = self._sold
        waiting.append(event)
        self._sold_on.append(meta.aggregate)
        if len(waiting) >= FOLD_AT:
            self.fold()

    @on(SeatsReleased)
    def released(self, event: SeatsReleased, meta: Commit) -> None:
        waiting = self._freed
        waiting.append(event)
        self._freed_on.append(meta.aggregate)
        if len(waiting) >= FOLD_AT:
            self.fold()

    def fold(self) -> None:
        """Brings the tables up to the last event."""
        if self._sold:
            sold, on_runs, self._sold, self._sold_on = self._sold, self._sold_on, [], []
            self._fold([e.seats for e in sold], [e.seat_class for e in sold], on_runs,
                       [e.board for e in sold], [e.alight for e in sold], 1)  # fmt: skip
        if self._freed:
            freed, on_runs, self._freed, self._freed_on = self._freed, self._freed_on, [], []
            self._fold([e.seats for e in freed], [e.seat_class for e in freed], on_runs,
                       [e.board for e in freed], [e.alight for e in freed], -1)  # fmt: skip

    def _fold(
        self, seats: list[SeatGaps], codes: list[str], runs: list[str], i: list[int], j: list[int], step: int
    ) -> None:
        known = self._blocks
        for run in dict.fromkeys(runs):
            if run not in known:
                known[run] = self._tables.new_block(run, self._plans[run])
        blocks = [known[run] for run in runs]
        plans = [block.plan for block in blocks]
        parties = [len(group) for group in seats]
        events, places = len(seats), sum(parties)
        picks = np.fromiter(
            chain.from_iterable(chain.from_iterable(seats)), dtype=np.int64, count=3 * places
        ).reshape(places, 3)
        per_event = np.empty((6, events), dtype=np.int64)
        per_event[0] = i
        per_event[1] = j
        per_event[2] = [plan.segments for plan in plans]
        per_event[3] = [plan.number[code] for plan, code in zip(plans, codes, strict=True)]
        per_event[4] = [plan.first_seat[code] for plan, code in zip(plans, codes, strict=True)]
        per_event[5] = [block.number for block in blocks]
        if places != events:
            per_event = np.repeat(per_event, parties, axis=1)
        board, alight, segments, numbers, first_seats, owners = per_event
        touched = self._tables.blocks
        distinct, which = np.unique(owners, return_inverse=True)
        places_of = np.array(
            [(touched[k].table, touched[k].seats, touched[k].width) for k in distinct], dtype=np.int64
        )[which].T
        tables = places_of[0] + numbers * (segments + 1) * (segments + 2)
        self._tables.count(tables, segments, picks[:, 1], picks[:, 2], board, alight, step)
        self._tables.occupy(places_of[2], places_of[1] + first_seats + picks[:, 0], board, alight, step)
        self._dirty.update(distinct.tolist())

    # ------------------------------------------------------------------ queries

    @query("remaining")
    def remaining(self, request: Journey) -> list[Request]:
        """The departure board: every train from `board` to `alight` on a date, by departure."""
        self.fold()
        try:
            day = Date.fromisoformat(request.date)
        except ValueError:
            return []
        there = self._calls.get(request.alight, {})
        origin_dates = [(day - timedelta(days=k)).isoformat() for k in range(LONGEST_TRIP_DAYS)]
        found: list[tuple[int, Request]] = []
        for train in self._calls.get(request.board, {}):
            if train not in there:
                continue
            for offset, origin_date in enumerate(origin_dates):
                aggregate = f"{train}/{origin_date}"
                plan = self._plans.get(aggregate)
                if plan is None:
                    continue
                a, b = plan.index.get(request.board, -1), plan.index.get(request.alight, -1)
                if 0 <= a < b and plan.stops[a][2] // DAY == offset:
                    left = self._left(aggregate, plan, a, b)
                    if request.seat_class is not None:
                        left = {code: n for code, n in left.items() if code == request.seat_class}
                    depart, arrive = plan.stops[a][2], plan.stops[b][1]
                    row = {
                        "train": train,
                        "date": origin_date,
                        "depart": _clock(depart),
                        "arrive": _clock(arrive),
                        "minutes": arrive - depart,
                        "remaining": left,
                    }
                    found.append((depart % DAY, row))
        found.sort(key=lambda item: (item[0], item[1]["train"]))
        return [row for _, row in found]

    @query("train")
    def train(self, request: OneRun) -> Request | None:
        """One run: its stops, and per class `table[a][b - a - 1]`, what is left from stop a to stop b."""
        self.fold()
        aggregate = f"{request.train}/{request.date}"
        plan = self._plans.get(aggregate)
        if plan is None:
            return None
        return {
            "train": request.train,
            "date": request.date,
            "stops": [[station, _clock(arrive), _clock(depart)] for station, arrive, depart in plan.stops],
            "capacity": plan.classes,
            "table": {code: self.table(aggregate, code) for code in plan.classes},
        }

    @query("seats")
    def seats(self, request: OneRun) -> Request | None:
        """A run's seat map: per class the seats that are sold somewhere, with the stretches [from, to)."""
        self.fold()
        aggregate = f"{request.train}/{request.date}"
        plan = self._plans.get(aggregate)
        if plan is None:
            return None
        sold: dict[str, dict[str, list[list[int]]]] = {code: {} for code in plan.classes}
        block = self._blocks.get(aggregate)
        if block is not None:
            taken = self._tables.seat_map(block)
            for code in plan.classes:
                first = plan.first_seat[code]
                labels = plan.labels(code)
                part = taken[first : first + plan.classes[code]]
                sold[code] = {labels[k]: _stretches(int(part[k])) for k in np.flatnonzero(part)}
        return {"stops": plan.stations, "capacity": plan.classes, "sold": sold}

    @query("totals")
    def totals(self, request: NoArguments) -> dict[str, int]:
        """Runs open, runs with a ticket sold, and seat-segments: how many are sold, of those runs."""
        self.fold()
        sold = capacity = 0
        for block in self._tables.blocks:
            sold += int(np.bitwise_count(self._tables.seat_map(block)).sum(dtype=np.int64))
            capacity += block.plan.seats * block.plan.segments
        return {
            "runs": len(self._plans),
            "runs_touched": len(self._tables.blocks),
            "seat_segments_sold": sold,
            "seat_segments": capacity,
        }

    def table(self, aggregate: str, seat_class: str) -> list[list[int]]:
        """`[a][b - a - 1]`: seats left from stop a to stop b. Folded before? Call `fold()`."""
        plan = self._plans[aggregate]
        n = plan.segments
        block = self._blocks.get(aggregate)
        if block is None:
            return [[plan.classes[seat_class]] * (n - a) for a in range(n)]
        left = self._tables.remaining_table(block, seat_class)
        return [left[a, a + 1 :].tolist() for a in range(n)]

    def _left(self, aggregate: str, plan: Plan, a: int, b: int) -> dict[str, int]:
        block = self._blocks.get(aggregate)
        return dict(plan.classes) if block is None else self._tables.remaining(block, a, b)

    # ------------------------------------------------------------------ saving
    # b"p" digest → plan      b"r" run id → digest of its plan      b"s" run id → u16 seats, u64 segments

    def save(self) -> Iterable[tuple[bytes, bytes | None]]:
        self.fold()
        opened, self._opened = self._opened, []
        dirty, self._dirty = sorted(self._dirty), set()
        for aggregate in opened:
            plan = self._plans[aggregate]
            digest = self._saved_plans.get(id(plan))
            if digest is None:
                body = msgspec.msgpack.encode(_SavedPlan(list(plan.stops), list(plan.coaches)))
                digest = self._saved_plans[id(plan)] = blake2b(body, digest_size=16).digest()
                yield b"p" + digest, body
            yield b"r" + aggregate.encode(), digest
        for number in dirty:
            block = self._tables.blocks[number]
            taken = self._tables.seat_map(block)
            seats = np.flatnonzero(taken)
            yield (
                b"s" + block.aggregate.encode(),
                seats.astype("<u2").tobytes() + taken[seats].astype("<u8").tobytes(),
            )

    def load(self, items: Iterable[tuple[bytes, bytes]]) -> None:
        plans: dict[bytes, Plan] = {}
        blocks: list[Block] = []
        counts: list[int] = []
        seats: list[Ints] = []
        taken: list[Any] = []
        for key, value in items:
            kind, rest = key[:1], bytes(key[1:])
            if kind == b"p":
                saved = msgspec.msgpack.decode(value, type=_SavedPlan)
                plan = plans[rest] = PLANS.of(saved.stops, saved.coaches)
                self._saved_plans[id(plan)] = rest
            elif kind == b"r":
                self._open(rest.decode(), plans[bytes(value)])
            else:
                aggregate = rest.decode()
                block = self._tables.new_block(aggregate, self._plans[aggregate])
                self._blocks[aggregate] = block
                count = len(value) // 10
                blocks.append(block)
                counts.append(count)
                seats.append(np.frombuffer(value, dtype="<u2", count=count).astype(np.int64))
                taken.append(np.frombuffer(value, dtype="<u8", offset=2 * count).astype(np.uint64))
        if blocks:
            self._tables.rebuild(blocks, counts, np.concatenate(seats), np.concatenate(taken))

    def _open(self, aggregate: str, plan: Plan) -> None:
        self._plans[aggregate] = plan
        train = aggregate.partition("/")[0]
        for station in plan.stations:
            trains = self._calls.get(station)
            if trains is None:
                trains = self._calls[station] = {}
            trains[train] = None


def _clock(minutes: int) -> str:
    return f"{minutes // 60 % 24:02d}:{minutes % 60:02d}"


def _stretches(taken: int) -> list[list[int]]:
    stretches: list[list[int]] = []
    start = 0
    while taken:
        skip = (taken & -taken).bit_length() - 1
        taken >>= skip
        run = (~taken & taken + 1).bit_length() - 1
        taken >>= run
        stretches.append([start + skip, start + skip + run])
        start += skip + run
    return stretches
