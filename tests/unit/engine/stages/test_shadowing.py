"""Two process managers over one log, of which one acts: the other hears from the store, and goes on."""

import random
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest

from engine.base.identity import partition_of
from engine.base.log import no_log
from engine.follow import Fold
from engine.managers import Birth, Manager
from engine.managers.outbox import OutboxEntry
from engine.model.messages import Command
from engine.model.process_managers import Refusal
from engine.stages.gate import Limits
from engine.stages.managing import WATCH_S, Managing
from engine.stages.post import Post
from engine.stages.shadowing import Shadowing
from engine.store.commands import Child
from engine.testing.clock import Clock
from engine.testing.wires import Wire, as_socket
from engine.wire.commands import CommandDecoder, Malformed
from tests.unit.engine.managers.relay import PostParcel, create
from tests.unit.engine.managers.world import MAP, SECOND_NS, SmallNode

LIMITS = Limits(message_bytes=1 << 16, commands_per_message=100, in_flight_per_client=1000)


class Side:
    """The process manager on one node. `lost`: its answers do not arrive."""

    def __init__(self, two: "Two", folder: Path, cleanup: ExitStack) -> None:
        self.two, self.acts, self.lost = two, False, False
        self.sent: list[str] = []
        app = two.node.app
        self.wire = Wire(self._deliver, lambda: None)
        manager = Manager(app, app.process_managers["relay"], Birth([0]), log=no_log, alone=False)
        fold = Fold(app, manager, folder, [two.node.reader], MAP, log=no_log, now=two.clock.now)
        cleanup.callback(fold.close)
        self.managing = Managing(
            fold,
            manager,
            Post(as_socket(self.wire), LIMITS, two.clock.now),
            now=two.clock.now,
            wall_ns=lambda: two.node.now_ns,
            checkpoint_s=0.05,
            log=no_log,
            acts=lambda: self.acts,
        )

    @property
    def waiting(self) -> int:
        return len(self.managing.manager.outbox)

    @property
    def timers(self) -> int:
        return len(self.managing.manager.timers)

    def turn(self) -> None:
        self.managing.look()
        self.managing.turn(())

    def _deliver(self, frame: bytes) -> None:
        body = frame if frame.startswith(b"[") else b"[" + frame + b"]"
        commands: list[Command] = []
        for one in self.two.decoder.decode(body):
            assert not isinstance(one, Malformed)
            commands.append(one)
        self.sent += [command.id for command in commands]
        answers = [answer_of(id, refusal) for id, refusal in self.two.node.post(*commands).items()]
        if not self.lost:
            self.wire.inbox.append(msgspec.json.encode(answers))


def answer_of(id: str, refusal: Refusal | None) -> dict[str, Any]:
    if refusal is None:
        return {"outcome": "unchanged", "id": id}
    return {"outcome": refusal.outcome, "id": id, "code": refusal.code, "message": refusal.message}


class Two:
    """Both, and the node that decides what they send."""

    def __init__(self, folder: Path, cleanup: ExitStack) -> None:
        app = create({})
        self.node = SmallNode(app, folder)
        cleanup.callback(self.node.writer.close)
        self.decoder = CommandDecoder(app)
        self.clock = Clock(self.node.now_ns)
        self.one, self.other = (Side(self, folder / name, cleanup) for name in ("one", "other"))
        self.one.acts = True

    def turns(self, count: int = 6) -> None:
        for _ in range(count):
            self.clock.go_on(self.clock.now() + WATCH_S)
            for side in (self.one, self.other):
                side.turn()

    def change(self) -> None:
        """The other one acts from now on."""
        self.one.acts, self.other.acts = self.other.acts, self.one.acts

    def effects(self) -> Counter[tuple[str, str]]:
        return Counter(
            (event["type"], event.get("parcel", commit.aggregate))
            for commit in self.node.commits()
            for event in commit.events
        )


@pytest.fixture
def two(tmp_path: Path) -> Iterator[Two]:
    with ExitStack() as cleanup:
        yield Two(tmp_path, cleanup)


def test_a_shadow_sends_nothing_and_its_outbox_empties_by_commits_and_refusals(two: Two) -> None:
    two.node.post(PostParcel("p1", box="a"), PostParcel("p2", box="full-b"))
    two.turns()
    assert (two.one.waiting, two.other.waiting) == (0, 0)
    assert len(two.one.sent) == 3, "into a box, into a full one, and back from there"
    assert two.other.sent == []
    assert two.effects()["parcel.returned", "p2"] == 1


def test_the_next_one_sends_what_is_left(two: Two) -> None:
    two.node.post(PostParcel("p1", box="a"))
    two.one.acts = False
    two.turns()
    assert (two.one.waiting, two.other.waiting) == (1, 1), "neither acts"
    two.other.acts = True
    two.turns()
    assert (two.one.waiting, two.other.waiting) == (0, 0)
    assert (len(two.one.sent), len(two.other.sent)) == (0, 1)
    assert two.effects()["box.put-in", "p1"] == 1


def test_a_timer_is_fired_by_the_one_that_acts_and_ends_on_the_other(two: Two) -> None:
    two.node.post(PostParcel("p1", box="a", remind_ns=SECOND_NS))
    two.turns()
    assert (two.one.timers, two.other.timers) == (1, 1)
    two.node.now_ns += 2 * SECOND_NS
    two.turns()
    assert (two.one.timers, two.other.timers) == (0, 0)
    assert two.other.sent == []
    assert two.effects()["box.reminded", "p1"] == 1


def test_a_timer_that_is_due_waits_with_the_shadow_until_it_acts(two: Two) -> None:
    two.node.post(PostParcel("p1", box="a", remind_ns=SECOND_NS))
    two.turns()
    two.one.acts = False
    two.node.now_ns += 2 * SECOND_NS
    two.turns()
    assert (two.one.timers, two.other.timers) == (1, 1)
    assert 0 < two.other.managing.patience() <= WATCH_S, "it does not spin"
    two.other.acts = True
    two.turns()
    assert (two.one.timers, two.other.timers) == (0, 0)
    assert two.effects()["box.reminded", "p1"] == 1


def test_one_that_cannot_come_level_because_too_much_waits_for_it_goes_on_all_the_same(
    two: Two, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.managers.manager.MOST_WAITING", 3)
    two.one.acts = False  # it has just died, with more to handle than may wait
    for number in range(10):
        two.node.post(PostParcel(f"p{number}", box="a"))
    two.turns()
    two.other.acts = True
    two.turns(100)
    assert two.effects() == Counter(
        [(kind, f"p{number}") for number in range(10) for kind in ("parcel.posted", "box.put-in")]
    )


def test_one_that_has_set_aside_all_that_it_may_sends_what_is_left(
    two: Two, monkeypatch: pytest.MonkeyPatch
) -> None:
    two.node.post(PostParcel("p1", box="a"))
    two.one.acts = False
    two.turns()
    monkeypatch.setattr(type(two.other.managing.fold), "full", True)
    two.other.acts = True
    two.turns()
    assert two.effects()["box.put-in", "p1"] == 1


def test_one_that_starts_as_the_one_that_acts_first_sees_what_another_has_done(
    two: Two, tmp_path: Path
) -> None:
    two.node.post(PostParcel("p1", box="full-b"))
    for _ in range(8):
        two.clock.go_on(two.clock.now() + WATCH_S)
        two.one.turn()
    with ExitStack() as cleanup:
        late = Side(two, tmp_path / "late", cleanup)
        late.acts = True
        assert not late.managing.acting
        late.turn()
        for _ in range(8):
            two.clock.go_on(two.clock.now() + WATCH_S)
            late.turn()
        assert late.managing.acting
        assert late.sent == []


@pytest.mark.parametrize("most", [2, 20_000])
@pytest.mark.parametrize("seed", range(12))
def test_however_often_they_change_everything_has_one_effect(
    two: Two, monkeypatch: pytest.MonkeyPatch, seed: int, most: int
) -> None:
    monkeypatch.setattr("engine.managers.manager.MOST_WAITING", most)
    draw = random.Random(seed)
    names = [f"p{k}" for k in range(40)]
    for name in names:
        box = draw.choice(("a", "b", "full-c"))
        two.node.post(PostParcel(name, box=box, remind_ns=draw.choice((0, SECOND_NS, 3 * SECOND_NS))))
        draw.choice((two.change, lambda: None, lambda: None))()
        two.one.lost, two.other.lost = draw.random() < 0.3, draw.random() < 0.3
        two.node.now_ns += draw.choice((0, SECOND_NS // 2))
        draw.choice((two.turns, two.one.turn, two.other.turn))()
    two.one.lost = two.other.lost = False
    two.node.now_ns += 5 * SECOND_NS
    two.turns(40)
    assert (two.one.waiting, two.other.waiting, two.one.timers, two.other.timers) == (0, 0, 0, 0)
    effects = two.effects()
    assert set(effects.values()) == {1}
    ended = {name for kind, name in effects if kind in ("box.put-in", "parcel.returned")}
    assert ended == set(names)


class Stored:
    """What one partition has of one command: its commit, up to `reach`, of which `child` tells."""

    def __init__(self, reach: int = 0) -> None:
        self.reach = reach

    def position(self) -> int:
        return self.reach

    def reach_of(self, id: str) -> int:
        return self.reach

    def child(self, causation: str, id: str) -> Child | None:
        return Child(id, self.reach, 0) if self.reach else None


def test_what_a_command_of_its_own_led_to_waits_for_the_commit_of_that_command() -> None:
    command = PostParcel("p1", box="a", causation="ab" * 16)
    outbox = {command.id: OutboxEntry(command, b"")}
    readers = [Stored(), Stored()]
    readers[partition_of("p1", 2)].reach = 7
    there = 1 - partition_of("p1", 2)

    def answered(id: str, refusal: object, now: float) -> None:
        del outbox[id]

    manager = SimpleNamespace(
        outbox=SimpleNamespace(find=outbox.get),
        timers=SimpleNamespace(find=lambda id: None),
        answered=answered,
    )
    fold = SimpleNamespace(readers=readers, positions=[0, 0])
    shadow = Shadowing(cast(Any, fold), cast(Any, manager), lambda: 100.0)
    commit = SimpleNamespace(causation=command.id)
    assert not shadow.may(there, commit), "that it was committed is known, and not handled"
    assert not outbox
    assert not shadow.may(there, commit)
    fold.positions[1 - there] = 7
    assert shadow.may(there, commit)
