"""The loop's turn with real sockets and a stage that is only played."""

from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
import zmq

from engine.base.errors import NoSpace
from engine.managers import record_births
from engine.node.config import Config
from engine.node.data_directory import DataDirectory
from engine.node.roles import Kind, Role
from engine.node.status import State
from engine.processes.manager import Work
from engine.wire.doorbell import encode_notice
from tests.deadline import until
from tests.unit.engine.managers.relay import PostParcel, create
from tests.unit.engine.managers.world import MAP, SmallNode

CONFIG = Config(
    map_bytes=MAP,
    max_message_bytes=1 << 16,
    max_commands_per_message=100,
    max_in_flight_per_client=1000,
    checkpoint_ms=50,
)


class Slot:
    state = State.RUNNING
    position = outbox = timers = dead_letters = 0


class PlayedStage:
    """As much of a stage as the work asks for."""

    role = Role(Kind.MANAGER, subject="relay")
    partitions = 1
    config = CONFIG

    def __init__(self, folder: Path) -> None:
        self.data, self.slot = DataDirectory(folder, MAP), Slot()
        self.said: list[str] = []
        names: dict[str, Any] = {
            "commands": f"ipc://{folder / 'commands'}",
            "events": [f"ipc://{folder / 'events'}"],
            "process_managers": {"relay": f"ipc://{folder / 'manager'}"},
        }
        self.endpoints = SimpleNamespace(**names)
        self.app = lambda: create({})
        self.log = self.said.append

    def beat(self) -> None: ...

    def patience(self) -> float:
        return 0.005


class Played:
    """A work with the sockets that the node would have. Its store is written before it begins."""

    def __init__(self, folder: Path, *parcels: PostParcel) -> None:
        data = DataDirectory(folder)
        data.open("parcels", "", 1, given=True)
        record_births(data, ["relay"])
        node = SmallNode(create({}), folder)
        for parcel in parcels:
            node.post(parcel)
        node.writer.close()
        played: Any = PlayedStage(folder)
        self.stage = played
        context: zmq.Context[zmq.Socket[bytes]] = zmq.Context.instance()
        self.commands = context.socket(zmq.ROUTER)
        self.commands.bind(self.stage.endpoints.commands)
        self.events = context.socket(zmq.PUB)
        self.events.bind(self.stage.endpoints.events[0])
        self.work = Work(played)
        self.sent: list[dict[str, Any]] = []
        self._who = b""

    def turn(self) -> None:
        """What the process's loop does, once."""
        work = self.work
        work.hear()
        work.take()
        work.fire()
        work.save()
        work.send()
        work.tell()
        work.desk.serve()
        while self.commands.poll(0):
            self._who, body = self.commands.recv_multipart()
            found = msgspec.json.decode(body)
            self.sent += found if isinstance(found, list) else [found]

    def answer(self, **answer: Any) -> None:
        self.commands.send_multipart([self._who, msgspec.json.encode([answer])])

    def until_sent(self, many: int) -> list[dict[str, Any]]:
        """Turns until so many commands have come."""

        self.turn_until(lambda: len(self.sent) >= many, "commands have come")
        return self.sent

    def turn_until(self, condition: Callable[[], bool], what: str) -> None:
        """Turns until it is so."""

        def turned() -> bool:
            self.turn()
            return condition()

        until(turned, 10, what)

    def close(self) -> None:
        self.work.close()
        self.commands.close(0)
        self.events.close(0)


@pytest.fixture
def played(tmp_path: Path) -> Iterator[Played]:
    found = Played(tmp_path, PostParcel("p1", box="a"), PostParcel("p2", box="a"))
    yield found
    found.close()


def test_without_room_on_the_disk_nothing_leaves_and_nothing_more_is_taken_in(
    played: Played, monkeypatch: pytest.MonkeyPatch
) -> None:
    work, save = played.work, played.work.fold.save
    tried = []

    def full(force: bool = False) -> None:
        tried.append(force)
        if len(tried) < 3:
            raise NoSpace("the view has no room")
        save(force)

    monkeypatch.setattr(work.fold, "save", full)
    played.turn()
    assert work.crowded
    assert work.stage.slot.state == State.WAITING_FOR_ROOM
    played.turn()
    assert played.sent == []
    assert work.take() is False
    played.until_sent(2)
    assert len(tried) >= 3
    assert work.stage.slot.state == State.RUNNING
    assert len(played.stage.said) == 1, "it is said once"


def test_busy_and_silence_are_sent_again_with_the_same_id_until_there_is_an_answer(played: Played) -> None:
    first, second = played.until_sent(2)
    played.answer(outcome="busy", ids=[first["id"]], reason="full")
    again = played.until_sent(3)[2]
    assert again == first
    played.answer(outcome="committed", ids=[first["id"]], versions=[1], partition=0, position=3)
    played.turn_until(lambda: len(played.work.manager.outbox) == 1, "one is answered")
    assert played.until_sent(4)[3] == second, "it was not answered, so it came again after a while"
    played.answer(outcome="rejected", id=second["id"], code="no-room", message="none")
    returned = played.until_sent(5)[4]
    assert (returned["type"], returned["reason"]) == ("parcel.return", "no-room")
    assert played.work.stage.slot.outbox == 1


def test_late_second_answers_and_those_of_strangers_change_nothing(played: Played) -> None:
    first, _ = played.until_sent(2)
    for _ in range(2):
        played.answer(outcome="unchanged", id=first["id"])
        played.answer(outcome="rejected", id=first["id"], code="late", message="")
        played.answer(outcome="failed", id="0" * 32, code="whose", message="")
    played.turn_until(lambda: len(played.work.manager.outbox) == 1, "one is answered")
    played.turn_until(lambda: not played.work.post.socket.poll(0), "all answers are taken in")
    assert len(played.work.manager.outbox) == 1
    assert len(played.sent) == 2


def test_what_the_doorbell_brings_again_or_out_of_order_is_sent_once(played: Played) -> None:
    played.until_sent(2)
    records = list(played.work.readers[0].records())

    def heard() -> bool:
        for position, record in reversed(records):
            played.events.send(encode_notice(0, position, position, record))
        played.turn()
        return bool(played.work.doorbell.poll(0))

    until(heard, 10, "the doorbell is heard")
    played.turn()
    ids = {command["id"] for command in played.sent}
    assert len(ids) == 2, "after two seconds of silence they are sent again, under the same ids"
    assert played.work.fold.positions == [2]
