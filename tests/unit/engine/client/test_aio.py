"""The client for asyncio, against a node that does as the test says."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest

from engine import AsyncClient, QueryRefused, Receipt
from engine.client import aio, conversation
from tests.unit.engine.client.stub import Add, Desk, Long, Stub, busy, committed, silent

T = TypeVar("T")
Run = Callable[[Callable[[AsyncClient], Awaitable[T]]], T]


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Stub]:
    with Stub(tmp_path) as node:
        yield node


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with Desk(tmp_path, lambda request: {"answer": request["request"]}) as desk:
        yield desk


@pytest.fixture
def run(node: Stub, desk: Desk) -> Run[Any]:
    """Runs a coroutine function with a client, bounded in time."""

    async def with_client(story: Callable[[AsyncClient], Awaitable[T]]) -> T:
        async with AsyncClient({"commands": node.endpoint, "queries": {"view": desk.endpoint}}) as client:
            return await asyncio.wait_for(story(client), 10.0)

    return lambda story: asyncio.run(with_client(story))


async def reaches(condition: Callable[[], Any]) -> None:
    """Lets the loop run until the condition holds; the caller bounds the time."""
    while not condition():
        await asyncio.sleep(0.002)


def test_commands_sent_in_one_turn_leave_together_and_each_gets_its_own_receipt(
    run: Run[list[Receipt]], node: Stub
) -> None:
    commands = [Add("a", number=n) for n in range(250)]
    receipts = run(lambda client: asyncio.gather(*(client.send(command) for command in commands)))
    assert [(r.outcome, r.id, r.position) for r in receipts] == [
        ("committed", command.id, command.number + 1) for command in commands
    ]
    assert [len(frame) for frame in node.frames] == [100, 100, 50]


def test_many_are_sent_in_batches_and_their_receipts_are_in_order(
    run: Run[list[Receipt]], node: Stub
) -> None:
    receipts = run(lambda client: client.send_many(Add("a", number=n) for n in range(250)))
    assert [receipt.position for receipt in receipts] == list(range(1, 251))
    assert [len(frame) for frame in node.frames] == [100, 100, 50]
    one: Any = Add("a")
    with pytest.raises(TypeError, match="send sends one"):
        run(lambda client: client.send_many(one))


def test_no_answer_waits_for_a_tick(run: Run[None], node: Stub) -> None:
    """The descriptor tells of changes only: an answer overlooked once would wait for the next one."""

    async def story(client: AsyncClient) -> None:
        client._ticking.cancel()
        for n in range(200):
            assert (await client.send(Add("a", number=n))).ok

    run(story)
    assert len(node.ids) == 200


def test_a_busy_node_is_asked_again_and_silence_is_unknown(run: Run[list[Receipt]], node: Stub) -> None:
    refusals = iter(range(2))

    async def story(client: AsyncClient) -> list[Receipt]:
        node.reply = lambda some: busy(some) if next(refusals, None) is not None else committed(some)
        first = await client.send(Add("a"))
        node.reply = silent
        return [first, await client.send(Add("a"), timeout_s=0.05)]

    assert [receipt.outcome for receipt in run(story)] == ["committed", "unknown"]


def test_a_node_that_was_killed_with_everything_in_flight_gets_it_again_with_the_same_ids(
    run: Run[list[Receipt]], node: Stub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conversation, "RESEND_S", 0.05)
    commands = [Add("a", number=n) for n in range(150)]

    async def story(client: AsyncClient) -> list[Receipt]:
        node.reply = silent
        waiting = asyncio.gather(*(client.send(command) for command in commands))
        await reaches(lambda: len(node.ids) >= 150)
        node.kill()
        node.reply = committed
        node.start()
        return await waiting

    assert [receipt.position for receipt in run(story)] == list(range(1, 151))
    assert set(node.ids) == {command.id for command in commands}


def test_who_waits_for_room_waits_no_longer_than_its_time(run: Run[list[Receipt]], node: Stub) -> None:
    node.reply = silent

    async def story(client: AsyncClient) -> list[Receipt]:
        client._talk.max_in_flight = 2
        return await asyncio.gather(*(client.send(Add("a"), timeout_s=0.1) for _ in range(5)))

    outcomes = [receipt.outcome for receipt in run(story)]
    assert outcomes[:2] == ["unknown"] * 2
    assert set(outcomes[2:]) <= {"unknown", "busy"}, "busy where nothing of it has left"


def test_a_cancelled_send_does_no_harm(run: Run[Receipt], node: Stub) -> None:
    async def story(client: AsyncClient) -> Receipt:
        node.reply = silent
        lost = asyncio.create_task(client.send(Add("a")))
        await reaches(lambda: node.ids)
        lost.cancel()
        node.reply = lambda some: committed([{"id": node.ids[0]}, *some])
        return await client.send(Add("a"))

    assert run(story).outcome == "committed"


def test_closing_tells_every_waiting_task(node: Stub, desk: Desk) -> None:
    node.reply, desk.answer = silent, lambda request: None
    where = {"commands": node.endpoint, "queries": {"view": desk.endpoint}}

    async def story() -> list[Any]:
        client = AsyncClient(where)
        client._talk.max_in_flight = 1
        sends = [asyncio.create_task(client.send(Add("a"))) for _ in range(2)]
        asked = asyncio.create_task(client.query("view", "left"))
        await reaches(lambda: node.ids and desk.frames)
        late = asyncio.create_task(client.query("view", "left"))
        await client.close()
        await client.close()
        return await asyncio.wait_for(asyncio.gather(*sends, asked, late, return_exceptions=True), 5.0)

    in_flight, without_room, asked, late = asyncio.run(story())
    assert in_flight.outcome == "unknown"
    assert str(without_room) == "the client is closed"
    assert asked.code == "closed"
    assert str(late) == "the client is closed"


def test_sent_accepted_and_projected_are_waited_for_as_far_as_asked(
    run: Run[list[Receipt]], node: Stub, desk: Desk
) -> None:
    def reply(some: list[dict[str, Any]]) -> list[dict[str, Any]]:
        early = [c["id"] for c in some if c.get("wait") == "accepted"]
        return [{"outcome": "accepted", "ids": early}] if early else committed(some)

    async def story(client: AsyncClient) -> list[Receipt]:
        node.reply = reply
        waits = ("sent", "accepted", "projected:view")
        return [await client.send(Add("a", number=4), wait) for wait in waits]

    assert [receipt.outcome for receipt in run(story)] == ["sent", "accepted", "committed"]
    assert [(q["query"], q["at_least"]) for (q,) in desk.frames] == [("positions", [0, 5])]


@pytest.mark.parametrize("wait", ["comitted", "projected:other"])
def test_a_wait_that_cannot_be_met_is_refused_before_the_command_is_sent(
    run: Run[Receipt], node: Stub, wait: str
) -> None:
    with pytest.raises(ValueError, match="wait="):
        run(lambda client: client.send(Add("a"), wait))
    assert node.ids == []


def test_committed_stays_committed_though_the_view_that_was_waited_for_lags(
    run: Run[Receipt], desk: Desk
) -> None:
    desk.answer = lambda request: {"error": "behind", "message": "not yet"}
    receipt = run(lambda client: client.send(Add("a", number=41), "projected:view"))
    assert (receipt.outcome, receipt.version, receipt.at) == ("committed", 1, (0, 42))
    assert (receipt.ok, receipt.view_ready) == (True, False)


def test_until_asks_again_for_what_comes_after_the_answer_that_did_not_do(run: Run[Any], desk: Desk) -> None:
    desk.answer = lambda request: {"answer": 3 if request.get("after") == [1] else 2}
    answer = run(lambda client: client.until("view", "left", predicate=lambda left: left == 3))
    assert answer == 3
    assert [asked.get("after") for (asked,) in desk.frames] == [None, [1]]


def test_until_ends_in_time_with_the_last_answer(
    run: Run[Any], desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(aio, "GRACE_S", 0.0)
    desk.answer = lambda request: {"answer": "no"}
    with pytest.raises(TimeoutError, match='it answers "no"'):
        run(lambda client: client.until("view", "left", predicate=lambda _: False, timeout_s=0.05))


def test_a_closed_client_says_so(run: Run[None]) -> None:
    async def story(client: AsyncClient) -> None:
        await client.close()
        with pytest.raises(RuntimeError, match="the client is closed"):
            await client.send(Add("a"))
        with pytest.raises(RuntimeError, match="the client is closed"):
            await client.query("view", "left")

    run(story)


def test_queries_may_overlap_and_each_gets_its_own_answer(run: Run[list[int]], desk: Desk) -> None:
    async def story(client: AsyncClient) -> list[int]:
        return list(await asyncio.gather(*(client.query("view", "left", {"n": n}) for n in range(300))))

    numbers = run(story)
    by_request = {asked["request"]: asked["args"]["n"] for (asked,) in desk.frames}
    assert [by_request[number] for number in numbers] == list(range(300))


def test_a_query_that_is_refused_or_not_answered_says_so(
    run: Run[list[Any]], desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(aio, "GRACE_S", 0.0)

    def answer(request: dict[str, Any]) -> dict[str, Any] | None:
        return {"error": "unknown-query", "message": "no"} if request["query"] == "no" else None

    async def story(client: AsyncClient) -> list[Any]:
        desk.answer = answer
        asked = (client.query("view", "no"), client.query("view", "lost", timeout_s=0.05))
        return list(await asyncio.gather(*asked, return_exceptions=True))

    refused, lost = run(story)
    assert isinstance(refused, QueryRefused)
    assert isinstance(lost, TimeoutError)
    assert "did not answer" in str(lost)


def test_an_answer_without_a_number_ends_what_waits_at_that_view(run: Run[list[Any]], desk: Desk) -> None:
    async def story(client: AsyncClient) -> list[Any]:
        desk.answer = lambda request: {"request": None, "error": "malformed", "message": "no JSON"}
        return list(await asyncio.gather(client.query("view", "left"), return_exceptions=True))

    (refused,) = run(story)
    assert refused.code == "malformed"


def test_a_command_that_is_too_large_is_told_so_however_it_is_waited_for(node: Stub) -> None:
    where = {"commands": node.endpoint, "max_message_bytes": 1_000}

    async def story() -> list[Receipt]:
        client = AsyncClient(where)
        large = Long("a", text="x" * 1_000)
        waited = asyncio.create_task(client.send(large))
        sent = await client.send(large, wait="sent")
        await asyncio.sleep(0)  # the task begins to wait
        await client.close()  # before the client has looked at what is due
        return [await asyncio.wait_for(waited, 5.0), sent]

    assert [receipt.code for receipt in asyncio.run(story())] == ["too-large", "too-large"]
