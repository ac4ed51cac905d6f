"""One id for two different commands, which PROTOCOL §3 forbids: what becomes of it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import zmq

from engine import Aggregate, Command, Engine, Event, EventLog, Node, applies, handles, id_from
from engine.base.identity import partition_of


class Count(Command, name="ids.count"): ...


class Counted(Event, name="ids.counted"): ...


app = Engine("ids")


@app.aggregate
class Counter(Aggregate):
    @handles(Count, exists="may")
    def count(self, command: Count) -> Counted:
        return Counted()

    @applies(Counted)
    def _counted(self, event: Counted) -> None: ...


FIRST, BESIDE, ELSEWHERE = "a", "c", "d"


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    folder = tmp_path_factory.mktemp("ids")
    data, log = folder / "data", folder / "log"
    with Node(data, app=f"{__name__}:app", settings={"partitions": 2}, log=log) as node:
        yield node


def answered(node: Node, *commands: Command) -> list[dict[str, Any]]:
    """The answers to a message of these, one for each, as a client in any language would get them."""
    message = b"[" + b",".join(json.dumps(_fields(command)).encode() for command in commands) + b"]"
    with zmq.Context() as context, context.socket(zmq.DEALER) as socket:
        socket.linger = 0
        socket.connect(node.endpoints.commands)
        socket.send(message)
        answers: list[dict[str, Any]] = []
        while sum(len(answer.get("ids", "1")) for answer in answers) < len(commands):
            assert socket.poll(20_000), f"only {answers}"
            answers += json.loads(socket.recv())
    return answers


def _fields(command: Command) -> dict[str, str]:
    return {"type": "ids.count", "aggregate": command.aggregate, "id": command.id}


def versions(data: Path, aggregate: str, id: str) -> list[int]:
    """The versions that this command made of an aggregate."""
    with EventLog(data) as log:
        return [one.commit.version for one in log.aggregate(aggregate) if one.commit.command == id]


def test_in_one_partition_the_second_one_is_taken_for_the_first(node: Node) -> None:
    assert partition_of(FIRST, 2) == partition_of(BESIDE, 2)
    id = id_from("one partition")
    answers = answered(node, Count(FIRST, id=id), Count(BESIDE, id=id))
    found = [tuple(answer.get("ids", [answer.get("id")])) for answer in answers]
    assert found == [(id,), (id,)]
    assert {answer["outcome"] for answer in answers} == {"committed"}
    assert len({answer["position"] for answer in answers}) == 1, "both say what became of the first"
    assert versions(node.data, FIRST, id) == [1]
    assert versions(node.data, BESIDE, id) == []


def test_in_two_partitions_both_are_run_once_and_their_answers_have_one_id(node: Node) -> None:
    assert partition_of(FIRST, 2) != partition_of(ELSEWHERE, 2)
    id = id_from("two partitions")
    for _ in range(2):
        answers = answered(node, Count(FIRST, id=id), Count(ELSEWHERE, id=id))
        assert {answer["partition"] for answer in answers} == {0, 1}
        assert {answer["outcome"] for answer in answers} == {"committed"}
    assert len(versions(node.data, FIRST, id)) == len(versions(node.data, ELSEWHERE, id)) == 1
