"""A view's turn, with a clock in hand."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.base.errors import NoSpace
from engine.base.identity import NO_INDEX_KEY
from engine.base.log import KeptLog
from engine.follow import Fold, Projected
from engine.follow.dead_letters import NEVER
from engine.stages.projecting import FINISH_S, TURN_S, Projecting
from engine.store import Reader, Writer
from engine.store.foreign import append_to
from engine.testing.clock import Clock
from engine.wire.doorbell import Notice
from tests.unit.engine.testing.domain import Balances, Deposited, app

MAP = 16 << 20
CHECKPOINT_S = 1.0


class Played:
    """A view over a store that the test appends to."""

    def __init__(self, folder: Path) -> None:
        self.writer = Writer(folder / "store", MAP, index_key=NO_INDEX_KEY)
        self.clock, self.log = Clock(0), KeptLog()
        target, readers = Projected(app.projections["balances"]), [Reader.beside(self.writer)]
        self.fold = Fold(app, target, folder / "view", readers, MAP, log=self.log, now=self.clock.now)
        self.projecting = Projecting(self.fold, now=self.clock.now, checkpoint_s=CHECKPOINT_S, log=self.log)

    def append(self, amount: int, aggregate: str = "a") -> Notice:
        _, position = append_to(self.writer.env, aggregate, [Deposited(amount)])
        ((last, record),) = self.fold.readers[0].records(position - 1)
        return Notice(0, last, last, record)

    def saved(self) -> int:
        return self.fold.view.positions[0]

    def close(self) -> None:
        self.fold.close()
        self.writer.close()


@pytest.fixture
def played(tmp_path: Path) -> Iterator[Played]:
    made = Played(tmp_path)
    yield made
    made.close()


def test_it_saves_now_and_then(played: Played) -> None:
    played.projecting.turn([])
    assert played.projecting.turn([played.append(1)])
    assert (played.fold.positions, played.saved()) == ([1], 0)
    played.clock.go_on(CHECKPOINT_S)
    played.projecting.turn([])
    assert played.saved() == 1


def test_what_no_doorbell_brought_is_found_by_a_look_or_when_the_next_notice_leaves_a_gap(
    played: Played,
) -> None:
    played.append(1)
    third = [played.append(number) for number in (2, 3)][-1]
    assert played.projecting.turn([third])
    assert played.fold.positions == [3]
    played.append(4)
    assert (played.projecting.turn([]), played.projecting.look(), played.projecting.look()) == (
        False,
        True,
        False,
    )
    assert played.fold.positions == [4]


def test_a_beat_is_no_work_but_shows_what_is_missing(played: Played) -> None:
    assert not played.projecting.turn([Notice(0, 1, 0, b"")])
    played.append(1)
    assert not played.projecting.turn([Notice(0, 2, 1, b"")])
    assert played.fold.positions == [1]


def test_without_room_it_goes_on_in_memory_and_says_so_once(
    played: Played, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise NoSpace("the view has no room")

    with monkeypatch.context() as patch:
        patch.setattr(played.fold.view, "save", full)
        for number in range(3):
            played.projecting.turn([played.append(number)])
            played.clock.go_on(played.clock.now() + CHECKPOINT_S)
        assert (played.projecting.has_room, played.fold.positions) == (False, [3])
        assert len(played.log) == 1
    played.projecting.turn([])
    assert (played.projecting.has_room, played.saved()) == (True, 3)


def test_what_failed_is_tried_again_when_it_is_due(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    moods = ["bad"]

    def moody(*_: Any, **__: Any) -> None:
        if moods:
            raise RuntimeError(moods.pop())

    monkeypatch.setattr(Balances, "deposited", moody)
    played = Played(tmp_path)
    played.projecting.turn([played.append(1)])
    assert played.projecting.patience() > 0
    assert not played.projecting.turn([])
    played.clock.go_on(played.projecting.next_due)
    assert played.projecting.turn([])
    assert played.projecting.next_due == NEVER
    played.close()


def slow(played: Played, monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on its handlers take 0.1 s."""
    target, applied = played.fold.target, played.fold.target.apply

    def apply(partition: int, position: int, commits: Any) -> int:
        played.clock.go_on(played.clock.now() + 0.1 * len(commits))
        return applied(partition, position, commits)

    monkeypatch.setattr(target, "apply", apply)


def test_a_slow_view_has_many_turns_and_drops_what_the_store_has(
    played: Played, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow(played, monkeypatch)
    notices = [played.append(1) for _ in range(30)]
    turns = 0
    while played.fold.positions != [30]:
        before, (position,) = played.clock.now(), played.fold.positions
        assert played.projecting.turn(notices)
        assert played.fold.positions[0] > position
        assert played.clock.now() - before < TURN_S + 0.6
        notices, turns = [], turns + 1
    assert turns > 3
    played.projecting.turn([])
    assert not played.projecting.turn([])


def test_a_slow_view_stops_soon_and_saves_what_it_has(
    played: Played, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow(played, monkeypatch)
    for _ in range(100):
        played.append(1)
    played.projecting.finish()
    assert played.clock.now() < FINISH_S + 0.6
    assert 10 < played.saved() < 40


def test_at_the_end_it_takes_what_is_stored_and_saves_it(played: Played) -> None:
    played.append(1)
    played.projecting.finish()
    assert played.saved() == 1
