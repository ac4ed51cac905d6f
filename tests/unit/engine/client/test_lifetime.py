"""A client lives as long as its program: nodes move, threads and forks are told, nothing is lost unseen."""

import asyncio
import os
import threading
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from engine import AsyncClient, Client, ClientPool, Command, Receipt
from engine.client import sync
from engine.client.conversation import Conversation
from engine.wire.answers import encode_answers
from tests.deadline import until
from tests.unit.engine.client.stub import Add, Desk, Stub, committed, silent


class Moving:
    """A node that may be restarted at another address."""

    def __init__(self, **endpoints: Any) -> None:
        self.endpoints: Any = endpoints


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """A silent node is looked for at once."""
    for module in ("sync", "aio"):
        monkeypatch.setattr(f"engine.client.{module}.SILENT_S", 0.05)


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Stub]:
    with Stub(tmp_path) as node:
        yield node


def elsewhere(tmp_path: Path) -> tuple[Stub, Desk]:
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    return Stub(folder), Desk(folder, lambda request: {"answer": "moved"})


def test_a_node_that_is_restarted_elsewhere_is_found_again(tmp_path: Path, node: Stub) -> None:
    desk = Desk(tmp_path, lambda request: {"answer": "here"})
    new, new_desk = elsewhere(tmp_path)
    where = Moving(commands=node.endpoint, queries={"view": desk.endpoint})
    with Client(where) as client:
        with desk:
            assert client.send(Add("a")).ok
            assert client.query("view", "x") == "here"
        node.reply = silent
        ticket = client.submit(Add("a", number=7))
        client.flush()
        until(lambda: len(node.ids) == 2)
        node.kill()
        with new, new_desk:
            where.endpoints = {"commands": new.endpoint, "queries": {"view": new_desk.endpoint}}
            assert client.wait(ticket).position == 8, "what was not answered is sent again"
            assert client.query("view", "x") == "moved"
            assert client.send(Add("a")).ok


def test_an_async_client_finds_it_too(tmp_path: Path, node: Stub) -> None:
    desk = Desk(tmp_path, lambda request: None)
    new, new_desk = elsewhere(tmp_path)
    where = Moving(commands=node.endpoint, queries={"view": desk.endpoint})

    async def story() -> None:
        async with AsyncClient(where) as client:
            assert (await client.send(Add("a"))).ok
            node.reply = silent
            with desk:
                lost = asyncio.create_task(client.send(Add("a", number=7)))
                asked = asyncio.create_task(client.query("view", "x"))
                while len(node.ids) < 2 or not desk.frames:
                    await asyncio.sleep(0.005)
            with new, new_desk:
                where.endpoints = {"commands": new.endpoint, "queries": {"view": new_desk.endpoint}}
                assert (await lost).position == 8
                assert await asked == "moved"

    asyncio.run(story())


def in_a_thread(work: Callable[[], object]) -> BaseException | None:
    found: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as error:
            found.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(10)
    assert not thread.is_alive()
    return found[0] if found else None


def test_another_thread_is_told_what_to_do(node: Stub) -> None:
    with Client({"commands": node.endpoint}) as client:
        ticket = client.submit(Add("a"))
        for work in (
            lambda: client.send(Add("a")),
            lambda: client.wait(ticket),
            lambda: client.pump(0.0),
            lambda: client.query("view", "x"),
            client.flush,
            client.close,
        ):
            error = in_a_thread(work)
            assert isinstance(error, RuntimeError)
            assert "ClientPool" in str(error)
        assert client.wait(ticket).ok, "it was not harmed"


def test_another_event_loop_is_told_what_to_do(node: Stub) -> None:
    async def story() -> None:
        client = AsyncClient({"commands": node.endpoint})
        error = in_a_thread(lambda: asyncio.run(client.send(Add("a"))))
        assert isinstance(error, RuntimeError)
        assert "another event loop" in str(error)
        assert (await client.send(Add("a"))).ok
        await client.close()

    asyncio.run(story())


def test_what_is_sent_without_waiting_has_left_when_the_client_is_closed(tmp_path: Path) -> None:
    node = Stub(tmp_path, name="late")
    with Client({"commands": node.endpoint}) as client:
        receipts = [client.send(Add("a"), wait="sent") for _ in range(50)]
        assert {receipt.outcome for receipt in receipts} == {"sent"}
        starter = threading.Timer(0.1, node.start)
        starter.start()
    starter.join()
    assert node.ids == [receipt.id for receipt in receipts]
    node.kill()


def test_a_pool_lends_its_clients_to_one_thread_at_a_time(node: Stub) -> None:
    receipts: list[Receipt] = []
    lent: set[int] = set()

    def work() -> None:
        for _ in range(20):
            with pool.client() as client:
                lent.add(id(client))
                receipts.append(client.send(Add("a")))

    with ClientPool({"commands": node.endpoint}, most=3) as pool:
        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert len(receipts) == 160
        assert all(receipt.ok for receipt in receipts)
        assert 1 <= len(lent) <= 3
        assert pool.send(Add("a")).ok
        with pool.client(), pool.client(), pool.client(), pytest.raises(TimeoutError, match="all 3 clients"):
            pool.send(Add("a"), timeout_s=0.02)
    with pytest.raises(RuntimeError, match="closed"):
        pool.send(Add("a"))


def test_a_pool_begins_anew_after_a_fork(node: Stub) -> None:
    with ClientPool({"commands": node.endpoint}) as pool:
        assert pool.send(Add("a")).ok
        child = os.fork()
        if child == 0:
            # Nothing is sent here: a child has none of the threads that ZeroMQ has in its parent.
            os._exit(0 if pool._process != os.getpid() and _is_empty_after(pool) else 1)
        _, status = os.waitpid(child, 0)
        assert os.waitstatus_to_exitcode(status) == 0
        assert pool.send(Add("a")).ok


def _is_empty_after(pool: ClientPool) -> bool:
    pool._begin()
    return pool._free == [] and pool._made == 0


class Odd(Command, name="odd"):
    thing: Any


def test_a_command_that_cannot_be_encoded_fails_alone(node: Stub) -> None:
    with Client({"commands": node.endpoint}) as client:
        commands = [
            Add("a"),
            Odd("a", thing=object()),
            Odd("a", thing=1 << 70),
            Odd("a", thing="\ud800"),
            Add("a"),
        ]
        receipts = client.send_many(commands)
        assert receipts[0].ok
        assert receipts[4].ok
        for receipt in (receipts[1], receipts[3]):
            assert (receipt.outcome, receipt.code) == ("failed", "malformed")
            assert "cannot be encoded" in receipt.message


def test_something_that_is_no_command_is_refused_before_any_is_sent(node: Stub) -> None:
    with Client({"commands": node.endpoint}) as client:
        with pytest.raises(TypeError):
            client.send_many([Add("a"), {"type": "add"}])  # type: ignore[list-item]
        assert client.send(Add("a")).ok
        assert len(node.ids) == 1


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"id": uuid.uuid4()}, "`hex`"),
        ({"id": str(uuid.uuid4())}, "uuid.hex"),
        ({"id": 7}, "not 7"),
        ({"id": "F" * 32}, "lower-case"),
        ({"aggregate": 7}, "is a text, not 7"),
        ({"aggregate": ""}, "1 to 200 bytes"),
        ({"aggregate": "票" * 67}, "1 to 200 bytes"),
    ],
)
def test_ids_of_another_kind_are_refused_at_once(node: Stub, fields: dict[str, Any], says: str) -> None:
    with Client({"commands": node.endpoint}) as client:
        with pytest.raises(ValueError, match=says):
            client.send(Add(**({"aggregate": "a"} | fields)))
        assert client.send(Add("a", id=uuid.uuid4().hex)).ok


def test_an_answer_that_cannot_be_read_costs_its_neighbours_nothing() -> None:
    talk = Conversation()
    tickets = [talk.submit(Add("a", number=n), "committed", 0.0, 10.0) for n in range(3)]
    list(talk.outgoing(0.0))
    answers = [msgspec.json.encode(one) for one in committed([{"id": ticket.id} for ticket in tickets])]
    answers[1] = answers[1].replace(b'"version":1', b'"version":"one"')
    assert talk.incoming(encode_answers(answers), 1.0) == [tickets[0], tickets[2]]
    assert talk.incoming(b"\xff nothing at all", 1.0) == []
    assert talk.incoming(encode_answers([answers[1].replace(b'"one"', b"1")]), 2.0) == [tickets[1]]


def test_a_question_that_was_lost_is_asked_again(
    tmp_path: Path, node: Stub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sync, "ASK_AGAIN_S", 0.05)
    asked: list[Any] = []

    def answer(request: dict[str, Any]) -> dict[str, Any] | None:
        asked.append(request)
        return {"answer": 7} if len(asked) == 3 else None

    with Desk(tmp_path, answer) as desk:
        where = {"commands": node.endpoint, "queries": {"view": desk.endpoint}}
        with Client(where) as client:
            assert client.query("view", "x") == 7
