"""Where a new worker and a new process manager begin, if the event store is made again at the same start."""

import shutil
from pathlib import Path

import pytest

from engine import (
    Aggregate,
    Command,
    Commit,
    Delivery,
    Engine,
    Event,
    EventLog,
    ProcessManager,
    Send,
    Tell,
    Worker,
    applies,
    handles,
    on,
)
from engine.node.data_directory import DataDirectory
from engine.testing import InlineEngine


class Ring(Command, name="bell.ring"): ...


class Answer(Command, name="bell.answer"):
    who: str


class Rung(Event, name="bell.rung"): ...


class Answered(Event, name="bell.answered"):
    who: str


class Bell(Aggregate):
    @handles(Ring, exists="may")
    def ring(self, command: Ring) -> Rung:
        return Rung()

    @handles(Answer)
    def answer(self, command: Answer) -> Answered:
        return Answered(command.who)

    @applies(Rung)
    def _rung(self, event: Rung) -> None: ...

    @applies(Answered)
    def _answered(self, event: Answered) -> None: ...


class Porter(ProcessManager, name="porter"):
    @on(Rung)
    def rung(self, event: Rung, commit: Commit, send: Send) -> None:
        send(Answer(commit.aggregate, who="porter"))


class Guest(Worker, name="guest"):
    @on(Rung)
    def rung(self, event: Rung, delivery: Delivery, tell: Tell) -> None:
        tell(Answer(delivery.aggregate, who="guest"))


def app(*, followed: bool) -> Engine:
    made = Engine("bells", aggregates=[type("Bell", (Bell,), {})])
    if followed:
        made.process_manager()(Porter)
        made.worker()(Guest)
    return made


def answered(data: Path) -> list[tuple[str, str]]:
    with EventLog(data) as log:
        found = [(one.commit.aggregate, one.commit.events[0]) for one in log.read(types=["bell.answered"])]
    return sorted((aggregate, event["who"]) for aggregate, event in found)


@pytest.mark.parametrize("gone", [[], [0], [0, 1]], ids=["none", "one", "both"])
def test_what_was_accepted_before_is_history_even_if_it_is_stored_later(
    tmp_path: Path, gone: list[int]
) -> None:
    data = DataDirectory(tmp_path / "data")
    with InlineEngine(app(followed=False), data.path, partitions=2) as engine:
        assert all(receipt.ok for receipt in engine.send_many(Ring(f"old-{k}") for k in range(20)))
    for partition in gone:
        shutil.rmtree(data.store(partition))
    for round in range(2):  # and in the next life too
        with InlineEngine(app(followed=True), data.path, partitions=2) as engine:
            assert engine.send(Ring(f"new-{round}")).ok
            engine.settle()
        expected = [(f"new-{k}", who) for k in range(round + 1) for who in ("guest", "porter")]
        assert answered(data.path) == expected
    assert not list(data.worker("guest").glob("*.born"))
