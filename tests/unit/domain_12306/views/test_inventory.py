"""The view equals the fold of the events, whatever the batches, restarts and compactions in between."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain_12306.messages import CloseRun, OpenRun, ReleaseOrder, SeatsReleased, SeatsReserved
from domain_12306.reference.stations import Stations
from domain_12306.views import changes
from domain_12306.views.answers import Journey
from domain_12306.views.inventory import SeatInventory
from engine.model.messages import wire_tag
from tests.unit.domain_12306.kit import DATE, RUN, Counter, Naive, feed, stations

STEPS = ("sell", "sell", "close", "save", "restart")


class Disk:
    """What a view has saved."""

    def __init__(self) -> None:
        self.items: dict[bytes, bytes] = {}

    def save(self, view: SeatInventory) -> None:
        for key, value in view.save():
            if value is None:
                self.items.pop(key, None)
            else:
                self.items[key] = value

    def load(self) -> SeatInventory:
        view = SeatInventory()
        view.load(sorted(self.items.items()))
        return view


def history(stops: int, seats: int, actions: Any, name: str = RUN) -> tuple[Counter, dict[str, Naive]]:
    """A run of two classes with a random history, and what must be left."""
    counter = Counter(name).opened(stops=stops, coaches=[(1, "O", seats), (2, "M", 2)])
    naive = {"O": Naive(seats, stops - 1), "M": Naive(2, stops - 1)}
    names = stations(stops)
    for number, (kind, x, y, party) in enumerate(actions):
        code = "M" if kind == 5 else "O"
        orders = list(naive[code].orders)
        if kind < 2 and orders:
            order = orders[x % len(orders)]
            counter.do(ReleaseOrder(name, order))
            naive[code].give_back(order)
            continue
        i = x % (stops - 1)
        j = i + 1 + y % (stops - 1 - i)
        event = counter.reserve(str(number), names[i], names[j], party, code)
        if isinstance(event, SeatsReserved):
            naive[code].take(str(number), [seat for seat, _, _ in event.seats], i, j)
    return counter, naive


def check(view: SeatInventory, naive: dict[str, Naive], name: str = RUN) -> None:
    """The remaining table of every class is that of a count of seats, and falls with longer journeys."""
    for code, seats in naive.items():
        table = view.table(name, code)
        assert table == seats.table()
        n = seats.segments
        for a in range(n):
            for b in range(a + 2, n + 1):  # against the two longest inside it; others follow
                assert table[a][b - a - 1] <= min(table[a + 1][b - a - 2], table[a][b - a - 2])
    seat_map = view.seat_map(name.partition("/")[0], DATE)
    assert seat_map is not None
    for code, seats in naive.items():
        rows = [tuple(row) for row in seats.taken if any(row)]
        shown = [
            tuple(any(start <= s < end for start, end in spans) for s in range(seats.segments))
            for spans in seat_map.sold[code].values()
        ]
        assert shown == rows


actions = st.lists(
    st.tuples(st.integers(0, 5), st.integers(0, 99), st.integers(0, 99), st.integers(1, 4)), max_size=50
)


@settings(max_examples=200, deadline=None)
@given(stops=st.integers(2, 12), seats=st.integers(1, 12), actions=actions, cut=st.integers(1, 20))
def test_the_view_equals_a_count_of_seats_after_any_history(
    stops: int, seats: int, actions: Any, cut: int
) -> None:
    counter, naive = history(stops, seats, actions)
    in_one, in_parts, disk = SeatInventory(), SeatInventory(), Disk()
    feed(in_one, RUN, counter.history)
    for at in range(0, len(counter.history), cut):
        feed(in_parts, RUN, counter.history[at : at + cut])
        disk.save(in_parts)
        if at % 3 == 0:
            in_parts = disk.load()  # a restart
    check(in_one, naive)
    check(in_parts, naive)
    check(disk.load(), naive)
    assert in_one.totals() == in_parts.totals() == disk.load().totals()


@settings(max_examples=40, deadline=None)
@given(stops=st.sampled_from([2, 9, 10, 17, 18, 33, 34, 62, 63]), actions=actions)
def test_compacting_keeps_the_view_and_forgets_what_cancelled_out(stops: int, actions: Any) -> None:
    counter, naive = history(stops, 5, actions)
    view, disk = SeatInventory(), Disk()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(changes, "WORTH_COMPACTING", -1)
        patch.setattr(changes, "CHUNK", 4)
        for at in range(0, len(counter.history), 5):
            feed(view, RUN, counter.history[at : at + 5])
            disk.save(view)
    stored = sum(len(value) // 11 for key, value in disk.items.items() if key[:1] == b"t")
    live = sum(len(seats) for of_class in naive.values() for seats, _, _ in of_class.orders.values())
    assert stored <= 2 * live + 5  # without compacting it would grow with history
    check(view, naive)
    check(disk.load(), naive)


def test_a_checkpoint_without_news_saves_nothing() -> None:
    view, disk = SeatInventory(), Disk()
    feed(view, RUN, Counter().opened().history)
    disk.save(view)
    assert list(view.save()) == []
    assert list(disk.load().save()) == []


def test_runs_of_many_widths_and_classes_do_not_disturb_each_other() -> None:
    view, tables, disk = SeatInventory(), {}, Disk()
    for stops in (2, 5, 9, 10, 17, 20, 33, 40, 63):
        counter = Counter(f"T{stops}/{DATE}").opened(150, stops)
        names, naive = stations(stops), Naive(150, stops - 1)
        for k in range(400):
            i = k * 7 % (stops - 1)
            j = i + 1 + k * 3 % (stops - 1 - i)
            event = counter.reserve(f"o{k}", names[i], names[j])
            if isinstance(event, SeatsReserved):
                naive.take(f"o{k}", [event.seats[0][0]], i, j)
            if k % 3 == 2 and f"o{k - 2}" in naive.orders:
                counter.do(ReleaseOrder(counter.run.id, f"o{k - 2}"))
                naive.give_back(f"o{k - 2}")
        feed(view, counter.run.id, counter.history)
        tables[counter.run.id] = naive.table()
    disk.save(view)
    restarted = disk.load()
    for name, table in tables.items():
        assert view.table(name, "O") == table
        assert restarted.table(name, "O") == table


def board_view() -> tuple[SeatInventory, Counter]:
    """T1 runs over midnight: a 23:00, b 01:00 of the next day, c 02:00. T2 goes the other way at noon."""
    view, counter = SeatInventory(), Counter()
    overnight = [("a", 1380, 1380), ("b", 1500, 1505), ("c", 1560, 1560)]
    counter.do(OpenRun(RUN, composition=[(1, "O", 3), (2, "M", 1)], stops=overnight))
    other = Counter(f"T2/{DATE}")
    other.do(OpenRun(f"T2/{DATE}", composition=[(1, "O", 3)], stops=[("c", 720, 720), ("a", 800, 800)]))
    feed(view, RUN, counter.history)
    feed(view, f"T2/{DATE}", other.history)
    return view, counter


def test_the_board_lists_trains_by_the_date_at_the_boarding_station() -> None:
    view, counter = board_view()
    counter.reserve("o", "a", "b")
    feed(view, RUN, counter.history[1:])
    (entry,) = view.remaining(Journey("a", "c", DATE))
    assert msgspec.to_builtins(entry, builtin_types=(datetime,)) == {
        "train": "T1",
        "date": DATE,
        "depart": "23:00",
        "arrive": "02:00",
        "minutes": 180,
        "remaining": {"O": 2, "M": 1},
        "fares": {"O": 2000, "M": 2000},
        "board": "a",
        "alight": "c",
        "origin": "a",
        "end": "c",
        "departs": datetime(2026, 11, 23, 15, tzinfo=UTC),
        "arrives": datetime(2026, 11, 23, 18, tzinfo=UTC),
        "days": 1,
    }
    assert view.remaining(Journey("b", "c", DATE)) == []
    (entry,) = view.remaining(Journey("b", "c", "2026-11-24", "O"))
    assert (entry.date, entry.depart, entry.remaining) == (DATE, "01:05", {"O": 3})
    assert [entry.train for entry in view.remaining(Journey("c", "a", DATE))] == ["T2"]


@pytest.mark.parametrize(
    "journey",
    [
        Journey("a", "x", DATE),
        Journey("x", "a", DATE),
        Journey("a", "a", DATE),
        Journey("a", "b", "soon"),
        Journey("a", "b", "0001-01-01"),
        Journey("a", "b", "2026-11-24"),
    ],
)
def test_a_journey_that_no_train_makes_has_an_empty_board(journey: Journey) -> None:
    view, _ = board_view()
    assert view.remaining(journey) == []


def test_one_train_shows_its_stops_and_what_is_left_between_each_two() -> None:
    view, counter = board_view()
    counter.reserve("o", "b", "c", 2)
    feed(view, RUN, counter.history[1:])
    answer = view.train("T1", DATE)
    assert answer is not None
    assert answer.stops[1] == ("b", "01:00", "01:05")
    assert answer.table == {"O": [[3, 1], [1]], "M": [[1, 1], [1]]}
    assert view.train("T9", DATE) is None
    assert view.seat_map("T9", DATE) is None


def test_the_seat_map_names_seats_as_tickets_do() -> None:
    view, counter = board_view()
    counter.reserve("o", "b", "c", 2)
    feed(view, RUN, counter.history[1:])
    answer = view.seat_map("T1", DATE)
    assert answer is not None
    assert answer.sold == {"O": {"01车01A号": [(1, 2)], "01车01B号": [(1, 2)]}, "M": {}}
    assert answer.capacity == {"O": 3, "M": 1}


def test_totals_count_seat_segments() -> None:
    view, counter = board_view()
    counter.reserve("o", "a", "c", 2)
    counter.reserve("p", "b", "c")
    counter.do(ReleaseOrder(RUN, "p"))
    feed(view, RUN, counter.history[1:])
    totals = view.totals()
    assert (totals.runs, totals.seat_segments, totals.seat_segments_sold) == (2, 4 * 2 + 3, 4)


def test_events_wait_for_a_fold_within_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("domain_12306.views.inventory.FOLD_AT", 14)
    counter, naive = history(4, 6, [(3, k, k, 1) for k in range(9)] + [(0, 0, 0, 1)] * 5)
    view = SeatInventory()
    feed(view, RUN, counter.history)
    assert len(view._waiting) < 14
    check(view, naive)


def test_every_event_that_changes_seats_reaches_the_view() -> None:
    handled = {
        wire_tag(getattr(SeatInventory, name).__on__[0][0])
        for name in dir(SeatInventory)
        if hasattr(getattr(SeatInventory, name), "__on__")
    }
    assert {wire_tag(SeatsReserved), wire_tag(SeatsReleased)} < handled


@settings(max_examples=150, deadline=None)
@given(
    stops=st.integers(2, 10),
    steps=st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 3)), max_size=30),
    actions=actions,
)
def test_a_run_that_has_arrived_leaves_its_room_to_the_next_one(stops: int, steps: Any, actions: Any) -> None:
    view, disk = SeatInventory(), Disk()
    runs: dict[str, tuple[Counter, dict[str, Naive]]] = {}
    most = made = 0
    for step, which in steps:
        if step == "sell":
            name = f"T{made}/{DATE}"
            made += 1
            counter, naive = history(stops, 4, actions, name)
            feed(view, name, counter.history)
            runs[name] = counter, naive
            most = max(most, len(runs))
        elif step == "close" and runs:
            name = sorted(runs)[which % len(runs)]
            counter, _ = runs.pop(name)
            feed(view, name, [counter.do(CloseRun(name))])
            assert view.train(name.partition("/")[0], DATE) is None
        elif step == "save":
            disk.save(view)
        elif step == "restart":
            disk.save(view)
            view = disk.load()
        for name, (_, naive) in runs.items():
            check(view, naive, name)
        assert view.totals().runs == len(runs)
        segments = [len(seats.taken[0]) * seats.seats for _, of in runs.values() for seats in of.values()]
        assert view.totals().seat_segments == sum(segments)
        sold = [sum(map(sum, seats.taken)) for _, of in runs.values() for seats in of.values()]
        assert view.totals().seat_segments_sold == sum(sold)
    assert len(view._tables) <= 2 * most, "closed runs cost nothing"
    disk.save(view)
    for name, (_, naive) in runs.items():
        check(disk.load(), naive, name)


def test_a_journey_between_cities_is_one_between_any_of_their_stations() -> None:
    view = SeatInventory(Stations({"虹桥": "上海"}))
    trains = {"T1": ("北京南", "济南", "虹桥"), "T2": ("北京西", "上海"), "T3": ("济南", "北京南")}
    for train, stops in trains.items():
        counter = Counter(f"{train}/{DATE}")
        times = [(station, 600 + 60 * k, 600 + 60 * k) for k, station in enumerate(stops)]
        counter.do(OpenRun(counter.run.id, composition=[(1, "O", 2)], stops=times))
        feed(view, counter.run.id, counter.history)
    between = view.remaining(Journey("北京", "上海", DATE, city=True))
    assert [(one.train, one.board, one.alight) for one in between] == [
        ("T1", "北京南", "虹桥"),
        ("T2", "北京西", "上海"),
    ]
    assert view.remaining(Journey("北京", "上海", DATE)) == []
    assert [one.station for one in view.stations("bj")] == ["北京南", "北京西"]
