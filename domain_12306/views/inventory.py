"""The view for passengers: what is left of each train, journey and class, and the seat map of a run.

Applying an event appends seven numbers to a list. The list is folded into the tables (`tables.py`) when a
query comes, when the view is saved, or when FOLD_AT numbers wait. So an event costs a fraction of a
microsecond, and a run without a sold ticket has no table at all.

    saved   b"f" slot → segments, capacity: it is free    b"p" digest → plan    b"r" run id → digest of its
            plan, slot per sold class    b"t" → `changes.py`
"""

from collections.abc import Iterable, Iterator
from hashlib import blake2b
from typing import Annotated

import msgspec
import numpy as np
from msgspec import Meta

from domain_12306.messages import CoachList, FareTable, RunClosed, RunOpened, SeatGaps, StopList
from domain_12306.reference.plan import PLANS, Plan
from domain_12306.reference.spelling import StationIndex
from domain_12306.reference.stations import Stations
from domain_12306.views.answers import (
    Entry,
    Journey,
    OneTrain,
    SeatMap,
    StationFound,
    Totals,
    clock,
    stretches,
)
from domain_12306.views.board import Board
from domain_12306.views.changes import ChangeList, Changes, Item, join
from domain_12306.views.tables import Tables
from engine import Commit, Event, InvariantBroken, Projection, on, query

FOLD_AT = 7 * 2_048  # numbers: enough to spread the 0.1 ms of a fold, few enough to stay in the cache
ALONE = Stations()  # the city of a station by its name
LOAD_AT = 65_536  # changes applied at once when loading


class _SavedPlan(msgspec.Struct, array_like=True):
    stops: StopList
    coaches: CoachList
    fares: FareTable


class _SavedRun(msgspec.Struct, array_like=True):
    plan: bytes
    slots: dict[str, int]


class Run(dict[str, int]):
    """An open run: class code → slot, which is made when a class is first sold."""

    __slots__ = ("aggregate", "plan", "view")

    def __init__(self, aggregate: str, plan: Plan, view: "SeatInventory") -> None:
        self.aggregate, self.plan, self.view = aggregate, plan, view

    def __missing__(self, code: str) -> int:
        slot = self[code] = self.view.new_slot(self, code)
        return slot


class Sold(Event, name="seats.reserved"):
    """The part of `SeatsReserved` that the view needs."""

    seat_class: str
    board: int
    alight: int
    seats: SeatGaps


class Freed(Event, name="seats.released"):
    """The part of `SeatsReleased` that the view needs."""

    seat_class: str
    board: int
    alight: int
    seats: SeatGaps


class SeatInventory(Projection, name="remaining", version=1):
    """The view with the queries `remaining`, `stations`, `train`, `seat-map` and `totals`. `stations`: which
    city each is in."""

    def __init__(self, stations: Stations = ALONE) -> None:
        self._runs: dict[str, Run] = {}
        self._board = Board(stations)
        self._stations = StationIndex(stations)
        self._tables = Tables()
        self._changes = ChangeList()
        self._waiting: list[int] = []  # changes, flat: seven numbers each
        self._unsaved: dict[str, Run] = {}
        self._gone: dict[str, None] = {}  # closed since the last save
        self._freed: dict[int, tuple[int, int] | None] = {}  # slots; None: used again
        self._digests: dict[int, bytes] = {}  # of the plans that are saved, by their identity
        self._totals = Totals(0, 0, 0)

    # ------------------------------------------------------------------ events

    @on(RunOpened)
    def opened(self, event: RunOpened, commit: Commit) -> None:
        self._unsaved[commit.aggregate] = self._open(
            commit.aggregate, PLANS.of(event.stops, event.coaches, event.fares)
        )

    @on(RunClosed)
    def closed(self, event: RunClosed, commit: Commit) -> None:
        self.fold()
        run = self._runs.pop(commit.aggregate)
        self._gone[commit.aggregate] = None
        self._unsaved.pop(commit.aggregate, None)
        for slot in run.values():
            sold = self._tables.stretches_of(slot)
            back = sold._replace(step=-sold.step)
            self._apply(back)  # so that the slot is as new for the run that has it next
            self._changes.append(back)
            self._tables.free(slot)
            self._freed[slot] = self._tables.shape(slot)
        self._totals.runs -= 1
        self._totals.seat_segments -= run.plan.seats * run.plan.segments

    @on(Sold)
    def sold(self, event: Sold, commit: Commit) -> None:
        slot = self._runs[commit.aggregate][event.seat_class]
        for seat, start, end in event.seats:
            self._waiting += (slot, seat, event.board, event.alight, start, end, 1)
        if len(self._waiting) >= FOLD_AT:
            self.fold()

    @on(Freed)
    def freed(self, event: Freed, commit: Commit) -> None:
        slot = self._runs[commit.aggregate][event.seat_class]
        for seat, start, end in event.seats:
            self._waiting += (slot, seat, event.board, event.alight, start, end, -1)
        if len(self._waiting) >= FOLD_AT:
            self.fold()

    def fold(self) -> None:
        """Brings the tables up to the last event."""
        if self._waiting:
            waiting, self._waiting = self._waiting, []
            changes = Changes(*np.array(waiting, np.int64).reshape(-1, len(Changes._fields)).T)
            self._apply(changes)
            self._changes.append(changes)

    # ------------------------------------------------------------------ queries

    @query
    def remaining(self, request: Journey) -> list[Entry]:
        """The departure board: every train from `board` to `alight` on a date, by departure."""
        self.fold()
        entries: list[Entry] = []
        for train, date, plan, a, b in self._board.find(request):
            run = self._runs.get(f"{train}/{date}")
            if run is None or run.plan is not plan:
                continue
            codes = plan.codes if request.seat_class is None else (request.seat_class,)
            left = {code: self._left(run, code, a, b) for code in codes if code in plan.classes}
            fares = {code: plan.fare(code, a, b) for code in left}
            entries.append(Entry.of(train, date, plan.stops, a, b, left, fares))
        entries.sort(key=lambda entry: (entry.depart, entry.train))
        return entries

    @query
    def stations(self, text: str, limit: Annotated[int, Meta(ge=1, le=100)] = 10) -> list[StationFound]:
        """The stations that a user may mean who types this: characters, pinyin or its initials. The
        likeliest first."""
        return [StationFound(*one) for one in self._stations.find(text, self._board.stations, limit)]

    @query
    def train(self, train: str, date: str) -> OneTrain | None:
        """One run: stops, and what is left between every two of them. None: it is not on sale."""
        run = self._runs.get(f"{train}/{date}")
        if run is None:
            return None
        plan = run.plan
        stops = [(station, clock(arrive), clock(depart)) for station, arrive, depart in plan.stops]
        tables = {code: self.table(run.aggregate, code) for code in plan.codes}
        return OneTrain(train, date, stops, plan.classes, tables)

    @query("seat-map")
    def seat_map(self, train: str, date: str) -> SeatMap | None:
        """A run's seat map. None: it is not on sale."""
        self.fold()
        run = self._runs.get(f"{train}/{date}")
        if run is None:
            return None
        sold: dict[str, dict[str, list[tuple[int, int]]]] = {}
        for code in run.plan.codes:
            sold[code] = {}
            if code in run:
                labels, taken = run.plan.labels(code), self._tables.seat_map(run[code])
                sold[code] = {labels[k]: stretches(int(taken[k])) for k in np.flatnonzero(taken)}
        return SeatMap(run.plan.stations, run.plan.classes, sold)

    @query
    def totals(self) -> Totals:
        """Everything in four numbers."""
        self.fold()
        return self._totals

    def table(self, aggregate: str, seat_class: str) -> list[list[int]]:
        """`[a][b - a - 1]`: seats left from stop a to stop b. KeyError for what is not on sale."""
        self.fold()
        run = self._runs[aggregate]
        n, capacity = run.plan.segments, run.plan.classes[seat_class]
        if seat_class not in run:
            return [[capacity] * (n - a) for a in range(n)]
        left = self._tables.remaining_table(run[seat_class])
        return [left[a, a + 1 :].tolist() for a in range(n)]

    def _left(self, run: Run, code: str, a: int, b: int) -> int:
        return self._tables.remaining(run[code], a, b) if code in run else run.plan.classes[code]

    # ------------------------------------------------------------------ saving

    def save(self) -> Iterable[tuple[bytes, bytes | None]]:
        self.fold()
        yield from self._save_runs()
        if self._changes.wants_compacting:
            yield from self._changes.compact(self._tables.stretches())
        else:
            yield from self._changes.save()

    def _save_runs(self) -> Iterator[Item]:
        freed, self._freed = self._freed, {}
        for slot, shape in freed.items():
            yield b"f" + slot.to_bytes(4, "big"), None if shape is None else msgspec.msgpack.encode(shape)
        gone, self._gone = self._gone, {}
        for aggregate in gone:
            yield b"r" + aggregate.encode(), None
        unsaved, self._unsaved = self._unsaved, {}
        for aggregate, run in unsaved.items():
            digest = self._digests.get(id(run.plan))
            if digest is None:
                fares = {code: list(table) for code, table in run.plan.fares}
                plan = _SavedPlan(list(run.plan.stops), list(run.plan.coaches), fares)
                body = msgspec.msgpack.encode(plan)
                digest = self._digests[id(run.plan)] = blake2b(body, digest_size=16).digest()
                yield b"p" + digest, body
            yield b"r" + aggregate.encode(), msgspec.msgpack.encode(_SavedRun(digest, dict(run)))

    def load(self, items: Iterable[tuple[bytes, bytes]]) -> None:
        plans: dict[bytes, Plan] = {}
        slots: dict[int, tuple[Run, str]] = {}
        free: dict[int, tuple[int, int]] = {}
        waiting: list[Changes] = []
        for key, value in items:
            if key[:1] == b"f":
                slot = int.from_bytes(key[1:], "big")
                free[slot] = msgspec.msgpack.decode(value, type=tuple[int, int])
            elif key[:1] == b"p":
                body = msgspec.msgpack.decode(value, type=_SavedPlan)
                plan = plans[bytes(key[1:])] = PLANS.of(body.stops, body.coaches, body.fares)
                self._digests[id(plan)] = bytes(key[1:])
            elif key[:1] == b"r":
                saved = msgspec.msgpack.decode(value, type=_SavedRun)
                run = self._open(bytes(key[1:]).decode(), plans[saved.plan])
                for code, slot in saved.slots.items():
                    slots[slot] = run, code
            else:
                self._make(slots, free)
                waiting.append(self._changes.load(bytes(key), value))
                if sum(len(changes.slot) for changes in waiting) >= LOAD_AT:
                    self._apply(join(waiting))
                    waiting = []
        self._make(slots, free)
        if waiting:
            self._apply(join(waiting))
        for slot in free:
            self._tables.free(slot)
        self._unsaved.clear()
        self._freed.clear()

    def _make(self, slots: dict[int, tuple[Run, str]], free: dict[int, tuple[int, int]]) -> None:
        """Makes the slots that were saved, in their order, before the changes that are of them."""
        if len(self._tables):
            return
        for slot in sorted({*slots, *free}):
            if slot in free:
                made, of = self._tables.new_slot(*free[slot]), ""
            else:
                run, code = slots[slot]
                made, of = run[code], run.aggregate
            if made != slot:
                raise InvariantBroken("the saved view lacks a slot", run=of, slot=slot)

    # ------------------------------------------------------------------ helpers

    def new_slot(self, run: Run, code: str) -> int:
        """Called by a run when one of its classes is sold for the first time."""
        self._unsaved[run.aggregate] = run
        made = len(self._tables)
        slot = self._tables.new_slot(run.plan.segments, run.plan.classes[code])
        if slot < made:  # another run had it
            self._freed[slot] = None
        return slot

    def _open(self, aggregate: str, plan: Plan) -> Run:
        run = self._runs[aggregate] = Run(aggregate, plan, self)
        self._board.add(aggregate.partition("/")[0], plan)
        self._totals.runs += 1
        self._totals.seat_segments += plan.seats * plan.segments
        return run

    def _apply(self, changes: Changes) -> None:
        self._tables.apply(changes)
        self._totals.seat_segments_sold += int(((changes.alight - changes.board) * changes.step).sum())
