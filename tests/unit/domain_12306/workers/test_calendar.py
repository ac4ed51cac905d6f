"""The sales calendar, by a clock that is moved."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path

import pytest

from domain_12306.app import create
from domain_12306.messages import ORDER, PlaceOrder
from domain_12306.reference.coaches import BUILT_IN, Compositions
from domain_12306.reference.timetable import read_timetable
from domain_12306.rules.times import moment
from domain_12306.tickets import Tickets
from domain_12306.views.answers import Journey
from domain_12306.views.inventory import SeatInventory
from domain_12306.workers.calendar import Calendar
from engine import ConfigError, CorruptData, EventLog, Fault
from engine.base.instants import nanoseconds
from engine.model.workers import WorkerSpec
from engine.testing import InlineEngine

TODAY = "2026-11-24"
TRAIN = """{0},a,1,,08:00,0,,,,,,
{0},b,2,09:00,09:05,10,,,,,,
{0},c,3,10:00,10:00,20,,,,,,
"""


def day(number: int) -> str:
    """So many days after today."""
    return (date.fromisoformat(TODAY) + timedelta(days=number)).isoformat()


def timetable(folder: Path, *trains: str) -> str:
    path = folder / "timetable.csv"
    path.write_text("".join(TRAIN.format(train) for train in trains))
    return str(path)


@contextmanager
def railway(data: Path, file: str, hour: int = 8) -> Iterator[InlineEngine]:
    app = create({"timetable": file})
    start_ns = nanoseconds(moment(TODAY, 60 * hour))
    with InlineEngine(app, data, start_ns=start_ns) as engine:
        engine.settle()
        yield engine


def on_sale(engine: InlineEngine, number: int) -> list[str]:
    """The trains from a to c on a day."""
    entries = engine.query(SeatInventory.remaining, Journey("a", "c", day(number)))
    return sorted(entry.train for entry in entries)


def test_the_window_is_full_right_after_the_first_start_and_rolls_at_midnight_in_china(
    tmp_path: Path,
) -> None:
    with railway(tmp_path / "data", timetable(tmp_path, "G1", "D2")) as engine:
        assert [on_sale(engine, number) for number in (0, 14)] == [["D2", "G1"]] * 2
        assert on_sale(engine, 15) == []
        engine.time_passes(timedelta(hours=15, minutes=59))
        assert on_sale(engine, 15) == []
        engine.time_passes(minutes=1, seconds=1)
        assert (on_sale(engine, 15), on_sale(engine, 16)) == (["D2", "G1"], [])
        assert engine.query(Calendar.days) == [day(number) for number in range(16)]


def test_runs_that_have_arrived_are_closed_and_nobody_can_buy_them(tmp_path: Path) -> None:
    with railway(tmp_path / "data", timetable(tmp_path, "G1")) as engine:
        engine.time_passes(timedelta(days=3))
        assert on_sale(engine, 0) == ["G1"], "a train may run over three midnights"
        engine.time_passes(timedelta(days=1))
        assert (on_sale(engine, 0), on_sale(engine, 1)) == ([], ["G1"])
        assert engine.query(SeatInventory.totals).runs == 18
        late = PlaceOrder(
            f"{ORDER}1", user="u", run=f"G1/{day(0)}", seat_class="O", board="a", alight="c",
            passengers=["p"], departs=moment(day(0), 480), arrives=moment(day(0), 600), fare=2_000,
        )  # fmt: skip
        assert engine.send(late).code == "departed"


def test_after_weeks_without_a_node_the_window_is_full_again_and_days_that_are_over_were_never_opened(
    tmp_path: Path,
) -> None:
    file = timetable(tmp_path, "G1")
    with railway(tmp_path / "data", file):
        pass
    with railway(tmp_path / "data", file) as engine:
        engine.time_passes(timedelta(days=30))
        assert [number for number in range(60) if on_sale(engine, number)] == list(range(30, 45))
        with EventLog(tmp_path / "data") as log:
            opened = [entry.commit.aggregate for entry in log.read(types=["run.opened"])]
            closed = [entry.commit.aggregate for entry in log.read(types=["run.closed"])]
        assert opened == [f"G1/{day(number)}" for number in (*range(15), *range(30, 45))]
        assert closed == opened[:15]


def test_a_new_timetable_is_for_new_days_only(tmp_path: Path) -> None:
    with railway(tmp_path / "data", timetable(tmp_path, "G1")):
        pass
    with railway(tmp_path / "data", timetable(tmp_path, "G1", "G3")) as engine:
        assert on_sale(engine, 14) == ["G1"]
        engine.time_passes(timedelta(days=1))
        assert (on_sale(engine, 14), on_sale(engine, 15)) == (["G1"], ["G1", "G3"])


def test_a_day_that_was_opened_in_part_is_opened_again_without_effect_on_that_part(tmp_path: Path) -> None:
    file, data = timetable(tmp_path, "G1", "G3"), tmp_path / "data"
    with railway(data, file) as engine:
        with engine.client() as client:
            (train, _) = Tickets(client, "u").search("a", "c", day(2))
            Tickets(client, "u").order(train, "O", ["p"])
        left = engine.query(SeatInventory.remaining, Journey("a", "c", day(2)))[0].remaining
    (data / "workers" / "calendar" / "days" / day(2)).unlink()
    with railway(data, file) as engine:
        assert engine.query(Calendar.days) == [day(number) for number in range(15)]
        assert engine.query(SeatInventory.remaining, Journey("a", "c", day(2)))[0].remaining == left
        assert engine.query(SeatInventory.totals).runs == 30


def test_what_a_kill_or_damage_has_left_keeps_no_day_from_sale(tmp_path: Path) -> None:
    file, data = timetable(tmp_path, "G1"), tmp_path / "data"
    with railway(data, file):
        pass
    days = data / "workers" / "calendar" / "days"
    (days / f"{day(1)}.new").write_bytes(b"G1")
    (days / day(2)).write_bytes(b"damaged")
    with pytest.raises(CorruptData, match=rf"path=\S+{day(2)}.*remove it"), railway(data, file) as engine:
        engine.time_passes(timedelta(days=10))
    (days / day(2)).unlink()
    with railway(data, file) as engine:
        assert [number for number in range(30) if on_sale(engine, number)] == [2, *range(7, 25)]
        assert not list(days.glob("*.new"))


def test_a_train_that_cannot_be_put_on_sale_is_told_and_the_others_are_on_sale(tmp_path: Path) -> None:
    app = create({"timetable": timetable(tmp_path, "G1", "D2")})
    coaches = Compositions(BUILT_IN | {"CRH380A": [(1, "W", 5)]})  # none that has seats
    read = read_timetable(timetable(tmp_path, "G1", "D2"))
    app.workers["calendar"] = WorkerSpec("calendar", lambda: Calendar(read, coaches), Calendar)
    with InlineEngine(app, start_ns=nanoseconds(moment(TODAY, 480))) as engine:
        with pytest.raises(Fault, match=r"not on sale .*train=D2.*code=bad-composition"):
            engine.settle()
        for _ in range(14):
            with pytest.raises(Fault):
                engine.time_passes(seconds=2)
        engine.time_passes(seconds=2)
        assert [on_sale(engine, number) for number in (0, 14)] == [["G1"], ["G1"]]


def test_a_timetable_that_cannot_be_read_is_told_at_the_start(tmp_path: Path) -> None:
    (check,) = create({"timetable": str(tmp_path / "missing.csv")}).at_starts
    with pytest.raises(ConfigError, match="missing"):
        check()
    with pytest.raises(ConfigError, match="on or off"):
        create({"calendar": "sometimes"})
