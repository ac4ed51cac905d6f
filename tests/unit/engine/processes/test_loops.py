"""The order in which the loops of input and output do their work: durable first, answered then."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest

from engine.base.files import OsFiles
from engine.base.identity import uuid7_hex
from engine.node.peers import Peers
from engine.node.process import NodeProcess
from engine.node.roles import INPUT, OUTBOX, REPLIES, Kind, Role
from engine.processes import input, output
from engine.store import Writer
from engine.wire.batches import encode_batch
from ringbuffer import Producer
from tests.unit.engine.processes.kit import LoneProcess
from tests.unit.engine.stages.test_storing import batches

WHO = b"client"


def command(number: int) -> bytes:
    asked = {"type": "sample.add", "aggregate": "one", "number": number, "id": uuid7_hex()}
    return msgspec.json.encode({**asked, "wait": "accepted"})


def noted(trace: list[str], word: str, call: Any) -> Any:
    def instead(*arguments: Any, **named: Any) -> Any:
        answer = call(*arguments, **named)
        trace.append(word)
        return answer

    return instead


def test_accepted_leaves_after_the_flush_of_its_batch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    process, trace = LoneProcess(tmp_path, INPUT), list[str]()
    drains = [[(WHO, command(1))], [(WHO, command(2)), (WHO, command(3))]]

    class Clients:
        connections, peers = 1, Peers()

        def __init__(self, *_: object) -> None:
            trace.clear()  # of what a start flushes

        def drain(self) -> list[tuple[bytes, bytes]]:
            process.stopping = len(drains) == 1
            return drains.pop(0)

        def send(self, answers: Iterable[tuple[bytes, bytes]]) -> None:
            trace.extend("accepted" for _, body in answers if b'"accepted"' in body)

        def close(self) -> None: ...

    monkeypatch.setattr(input, "Clients", Clients)
    monkeypatch.setattr(OsFiles, "flush", noted(trace, "flush", OsFiles.flush))
    process.feed(REPLIES)
    input.main(cast(NodeProcess, process))
    assert trace == ["flush", "accepted", "flush", "accepted"]


@pytest.fixture
def stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[LoneProcess, list[str]]:
    """An output process that has run on six batches, and what it did."""
    process, trace = LoneProcess(tmp_path, Role(Kind.OUTPUT, 0)), list[str]()
    monkeypatch.setattr(Writer, "commit", noted(trace, "commit", Writer.commit))
    monkeypatch.setattr(Writer, "check_readers", noted(trace, "readers", Writer.check_readers))
    monkeypatch.setattr(Producer, "publish", noted(trace, "answer", Producer.publish))
    process.feed(OUTBOX, *(encode_batch(batch) for batch in batches(6)))
    output.main(cast(NodeProcess, process))
    return process, trace


def test_committed_leaves_after_the_transaction(stored: tuple[LoneProcess, list[str]]) -> None:
    process, trace = stored
    assert [word for word in trace if word != "readers"] == ["commit", "answer"]
    assert len(process.drain(REPLIES)) == 6


def test_killed_readers_are_looked_for_under_load_too(stored: tuple[LoneProcess, list[str]]) -> None:
    assert "readers" in stored[1], "there was no idle moment"


class NoClients:
    """What an input that is told to stop asks of its clients."""

    connections, peers = 0, Peers()

    def __init__(self, *_: object) -> None: ...

    def send(self, answers: Iterable[tuple[bytes, bytes]]) -> None: ...

    def close(self) -> None: ...


@pytest.mark.parametrize("looked", [0, 1])
def test_an_input_that_was_killed_while_it_looked_for_damage_looks_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, looked: int
) -> None:
    process, looks = LoneProcess(tmp_path, INPUT), list[str]()
    process.slot.restarts, process.slot.looked = 1, looked
    process.stopping = True
    monkeypatch.setattr(input, "Clients", NoClients)
    monkeypatch.setattr(input, "scrub_at_start", lambda *_: noted(looks, "look", int)())
    process.feed(REPLIES)
    input.main(cast(NodeProcess, process))
    assert len(looks) == 1 - looked
    assert process.slot.looked == 1
