"""The pace of a fold: a turn ends in time however slow the handlers are, and fast ones are not slowed."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.follow.pace import FIRST, MOST, Pace
from tests.unit.engine.follow.kit import KINDS, Following, Log

TURN_S = 0.25


@pytest.fixture
def log(tmp_path: Path) -> Log:
    return Log(tmp_path)


@pytest.fixture(params=KINDS)
def view(request: Any, log: Log, tmp_path: Path) -> Iterator[Following]:
    following = Following(log, tmp_path, request.param)
    yield following
    following.fold.close()


@pytest.mark.parametrize(
    ("each_s", "most_s"), [(0.03, 0.53), (0.5, 4.5), (0.0, 0.0)], ids=["slow", "very slow", "fast"]
)
def test_a_turn_ends_soon_after_its_time(each_s: float, most_s: float) -> None:
    now = [0.0]
    pace = Pace(lambda: now[0], lambda: None)
    for _ in range(2):
        pace.begin(TURN_S)
        began, applied = now[0], 0
        while not pace.over and applied < 10_000:
            some = pace.left
            now[0] += some * each_s
            applied += some
            pace.applied(some)
        assert now[0] - began <= most_s
        assert applied >= (1 if each_s else 10_000)
        most_s = min(most_s, TURN_S + each_s)  # the second turn knows


def test_fast_handlers_are_looked_after_seldom() -> None:
    looks = []
    pace = Pace(lambda: looks.append(1) or 0.0, lambda: None)  # type: ignore[func-returns-value]
    pace.begin(TURN_S)
    for _ in range(64 * MOST):
        pace.applied(1)
    assert len(looks) <= 2 + 64 + MOST // FIRST


def test_a_turn_ends_within_a_record_and_the_next_ones_go_on_there(view: Following, log: Log) -> None:
    def slow() -> None:
        view.now += 0.03

    view.trouble.takes = slow
    record = log.append(*("a" if k % 2 else "b" for k in range(100)))
    view.fold.pace.begin(TURN_S)
    view.fold.accept(0, *record)
    (reached,) = view.fold.positions
    assert 0 < reached < 20
    for _ in range(20):
        before, (position,) = view.now, view.fold.positions
        view.fold.pace.begin(TURN_S)
        view.fold.poll()
        assert view.now - before < TURN_S + 0.1
        assert view.fold.positions[0] > position or position == 100
    assert view.shown()["a"][1] == list(range(1, 51))
    assert not view.fold.pace.over


def test_what_fails_in_such_a_record_is_set_aside_alone(view: Following, log: Log) -> None:
    def slow() -> None:
        view.now += 0.03

    view.trouble.takes, view.trouble.at = slow, {("a", 6)}
    view.fold.pace.begin(TURN_S)
    view.fold.accept(0, *log.append(*("a" if k % 2 else "b" for k in range(60))))
    while view.fold.positions != [60]:
        view.fold.pace.begin(TURN_S)
        view.fold.poll()
    assert [letter.version for letter in view.fold.dead_letters] == [6]
    view.trouble.at = set()
    view.fold.pace.begin(TURN_S)
    assert view.fold.retry("a") is None
    assert {name: versions for name, (_, versions) in view.shown().items()} == {
        "a": list(range(1, 31)),
        "b": list(range(1, 31)),
    }


def test_retries_of_a_view_that_is_behind_go_on_by_and_by(view: Following, log: Log) -> None:
    view.trouble.at = {("a", 1)}
    view.fold.accept(0, *log.append(*["a"] * 40))
    view.trouble.at = set()
    view.now += 1.0

    def slow() -> None:
        view.now += 0.03

    view.trouble.takes = slow
    turns = 0
    while view.fold.dead_letters:
        before, turns = view.now, turns + 1
        view.fold.pace.begin(TURN_S)
        assert view.fold.retry_due()
        assert view.now - before < TURN_S + 0.1
    assert turns > 2
    assert view.shown()["a"][1] == list(range(1, 41))
