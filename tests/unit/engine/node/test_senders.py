"""Who sends: counted by message, told by the second, bounded at both ends."""

from pathlib import Path

import pytest

from engine.node import senders as module
from engine.node.peers import Peers, place_of
from engine.node.senders import MOST, NOTHING, SHOWN, Senders, Tally, path_of, read_senders


def named(who: str) -> tuple[str, int]:
    return f"client {who}", 7


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [100.0]
    monkeypatch.setattr("engine.node.senders.time.monotonic", lambda: now[0])
    return now


def test_the_one_that_sends_most_comes_first(tmp_path: Path, clock: list[float]) -> None:
    tally = Tally[str]()
    senders = Senders(path_of(tmp_path, "input"), tally, named, clock[0])
    for second in range(4):
        tally.send("quiet", 5)
        tally.send("loud", 500)
        tally.turn_away("loud", 400)
        clock[0] = 101.0 + second
        senders.look(clock[0])
    seen = read_senders(tmp_path, "input")
    assert (seen.count, seen.per_s, seen.turned_away_per_s) == (2, 505, 400)
    assert [(one.name, one.per_s, one.turned_away_per_s, one.pid) for one in seen.senders] == [
        ("client loud", 500, 400, 7),
        ("client quiet", 5, 0, 7),
    ]


def test_what_is_over_for_ten_seconds_is_forgotten_and_then_nothing_is_written(
    tmp_path: Path, clock: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[int] = []
    monkeypatch.setattr(module, "write_senders", lambda _, seen: written.append(seen.count))
    tally = Tally[str]()
    senders = Senders(tmp_path / "x", tally, named, clock[0])
    tally.send("once", 1)
    for second in range(30):
        senders.look(101.0 + second)
    assert written == [1] * module.WINDOW_S + [0]


def test_senders_without_end_are_counted_as_one(tmp_path: Path, clock: list[float]) -> None:
    tally = Tally[str]()
    senders = Senders(path_of(tmp_path, "input"), tally, named, clock[0])
    for number in range(3 * MOST):
        tally.send(f"{number}", 1)
    tally.send("loud", 50)
    clock[0] = 101.0
    senders.look(clock[0])
    seen = read_senders(tmp_path, "input")
    assert (seen.count, seen.per_s, len(seen.senders)) == (MOST + 1, 3 * MOST + 50, SHOWN)
    assert [one.name for one in seen.senders[:2]] == ["others", "client loud"]
    assert tally.sent == {}


def test_what_a_process_saw_that_has_ended_is_not_told(tmp_path: Path, clock: list[float]) -> None:
    tally = Tally[str]()
    senders = Senders(path_of(tmp_path, "input"), tally, named, clock[0])
    tally.send("me", 1)
    clock[0] = 101.0
    senders.look(clock[0])
    clock[0] += module.STALE_S + 1
    assert read_senders(tmp_path, "input") == NOTHING
    path_of(tmp_path, "input").write_bytes(b"{")
    assert read_senders(tmp_path, "input") == NOTHING


@pytest.mark.parametrize(
    ("told", "place"),
    [
        ("localhost:1000:1000:4711", ("pid 4711", 4711)),
        ("localhost:0:0:0", ("", 0)),
        ("10.0.0.7", ("10.0.0.7", 0)),
        ("fe80::1:2:3", ("fe80::1:2:3", 0)),
        ("::1", ("::1", 0)),
        ("a\x1b[2J", ("", 0)),
    ],
)
def test_where_a_client_is(told: str, place: tuple[str, int]) -> None:
    assert place_of(told) == place


def test_a_client_that_was_not_met_has_a_name_that_tells_it_apart_and_is_no_way_to_take_its_place() -> None:
    name, pid = Peers().named(b"\1" + bytes(range(15)))
    assert (name, pid) == ("client 00010203", 0)
