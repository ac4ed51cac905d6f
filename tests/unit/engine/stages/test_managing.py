"""A process manager's turn, with a wire in place of the connection to the node and a clock in hand."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import msgspec
import pytest

from engine.base.errors import NoSpace
from engine.base.log import KeptLog
from engine.follow import Fold
from engine.managers import Birth, Manager
from engine.stages.gate import Limits
from engine.stages.managing import RETRY_S, Managing
from engine.stages.post import Post
from engine.testing.clock import Clock
from engine.testing.wires import Wire, as_socket
from engine.wire.doorbell import Notice
from tests.unit.engine.managers.relay import PostParcel, create
from tests.unit.engine.managers.world import MAP, SmallNode

LIMITS = Limits(message_bytes=1 << 16, commands_per_message=100, in_flight_per_client=1000)


class Played:
    """A process manager whose node is played by the test: what it sends is in `sent`."""

    def __init__(self, folder: Path, cleanup: ExitStack) -> None:
        app = create({})
        self.node = SmallNode(app, folder)
        cleanup.callback(self.node.writer.close)
        self.node.post(PostParcel("p1", box="a"), PostParcel("p2", box="a"))
        self.said = KeptLog()
        self.sent: list[dict[str, Any]] = []
        self.clock = Clock(self.node.now_ns)
        self.wire = Wire(self._deliver, lambda: None)
        manager = Manager(app, app.process_managers["relay"], Birth([0]), log=self.said)
        fold = Fold(
            app,
            manager,
            folder / "relay",
            [self.node.reader],
            MAP,
            log=self.said,
            now=self.clock.now,
        )
        cleanup.callback(fold.close)
        self.managing = Managing(
            fold,
            manager,
            Post(as_socket(self.wire), LIMITS, self.clock.now),
            now=self.clock.now,
            wall_ns=self.clock.wall_ns,
            checkpoint_s=0.05,
            log=self.said,
        )

    def turn(self, *notices: Notice) -> bool:
        return self.managing.turn(notices)

    def answer(self, **answer: Any) -> bool:
        self.wire.inbox.append(msgspec.json.encode([answer]))
        return self.turn()

    def later(self) -> bool:
        """A turn when something is due."""
        self.clock.go_on(self.managing.next_due)
        return self.turn()

    def _deliver(self, frame: bytes) -> None:
        body = msgspec.json.decode(frame)
        self.sent += body if isinstance(body, list) else [body]


@pytest.fixture
def played(tmp_path: Path) -> Iterator[Played]:
    with ExitStack() as cleanup:
        yield Played(tmp_path, cleanup)


def full(times: int, save: Callable[[bool], None]) -> Callable[[bool], None]:
    """A save that finds no room so many times."""
    left = [None] * times

    def instead(force: bool = False) -> None:
        if left:
            left.pop()
            raise NoSpace("the view has no room")
        save(force)

    return instead


def test_without_room_on_the_disk_nothing_leaves_and_nothing_more_is_taken(
    played: Played, monkeypatch: pytest.MonkeyPatch
) -> None:
    managing = played.managing
    monkeypatch.setattr(managing.fold, "save", full(2, managing.fold.save))
    played.turn()
    assert (managing.crowded, managing.has_room, played.sent) == (True, False, [])
    played.node.post(PostParcel("p3", box="a"))
    assert not played.turn(), "it waits before it tries again"
    assert 0 < managing.patience() <= RETRY_S
    played.later()
    assert (managing.has_room, played.sent) == (False, [])
    played.later()
    assert managing.has_room
    assert len(played.sent) == 2
    assert len(played.said) == 1, "it is said once"


def test_nothing_leaves_before_it_is_saved(played: Played, monkeypatch: pytest.MonkeyPatch) -> None:
    managing, sent_before_save = played.managing, []
    save = managing.fold.save

    def saved(force: bool = False) -> None:
        sent_before_save.append(len(played.sent))
        save(force)

    monkeypatch.setattr(managing.fold, "save", saved)
    played.turn()
    assert (sent_before_save[0], len(played.sent)) == (0, 2)


def test_busy_and_silence_are_sent_again_with_the_same_id_until_there_is_an_answer(played: Played) -> None:
    played.turn()
    first, second = played.sent
    played.answer(outcome="busy", ids=[first["id"]], reason="full")
    while len(played.sent) < 3:
        played.later()
    assert played.sent[2] == first
    played.answer(outcome="committed", ids=[first["id"]], versions=[1], partition=0, position=3)
    assert len(played.managing.manager.outbox) == 1, "one is answered"
    while len(played.sent) < 4:
        played.later()
    assert played.sent[3] == second, "nobody has answered it, so it came again after a while"
    played.answer(outcome="rejected", id=second["id"], code="no-room", message="none")
    assert (played.sent[4]["type"], played.sent[4]["reason"]) == ("parcel.return", "no-room")
    assert len(played.managing.manager.outbox) == 1


def test_late_second_answers_and_those_of_strangers_change_nothing(played: Played) -> None:
    played.turn()
    first, _ = played.sent
    for _ in range(2):
        played.answer(outcome="unchanged", id=first["id"])
        played.answer(outcome="rejected", id=first["id"], code="late", message="")
        played.answer(outcome="failed", id="0" * 32, code="whose", message="")
    assert len(played.managing.manager.outbox) == 1
    assert len(played.sent) == 2


def test_what_the_doorbell_brings_again_or_out_of_order_is_sent_once(played: Played) -> None:
    while not played.managing.caught_up:
        played.turn()
    played.node.post(PostParcel("p3", box="a"))
    played.node.post(PostParcel("p4", box="a"))
    notices = [Notice(0, last, last, record) for last, record in played.node.reader.records(2)]
    for order in (reversed(notices), notices, notices):
        played.turn(*order)
    played.turn()
    assert len({command["id"] for command in played.sent}) == len(played.sent) == 4
    assert played.managing.fold.positions == [4]


def test_the_doorbell_is_not_asked_while_nothing_more_can_be_taken(played: Played) -> None:
    def rung() -> Iterator[Notice]:
        raise AssertionError("asked")
        yield

    played.managing.has_room = False
    played.managing.turn(rung())
    assert played.managing.fold.positions == [0]


def test_it_has_caught_up_if_nothing_more_is_taken_because_too_much_is_set_aside(
    played: Played, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.follow.fold.MOST_ASIDE_LOADED", 0)  # or a node would never be ready
    monkeypatch.setattr("engine.managers.intake.RECORDS_PER_TURN", 1)
    played.turn()
    assert played.managing.fold.full
    assert played.managing.caught_up


def test_at_the_end_it_takes_what_is_stored_and_keeps_what_has_to_leave(played: Played) -> None:
    played.managing.finish()
    assert played.managing.fold.positions == [2]
    assert played.managing.fold.view.positions == [2]
    assert played.sent == []
    assert len(played.managing.manager.outbox) == 2
