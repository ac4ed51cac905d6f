"""A client waits for a node that is just starting, and says so if it never comes."""

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest

from engine import AsyncClient, Client, Engine, Node, RingfoldError
from engine.client.arrival import Arrival
from engine.client.gates import Gates
from tests.deadline import until
from tests.unit.engine.client.stub import Add, Message, Stub, committed


def greeting(commands: list[Message]) -> list[Message]:
    """As a node: a message without commands is refused."""
    if not commands:
        return [{"outcome": "failed", "id": None, "code": "malformed", "message": "it holds no command"}]
    return committed(commands)


def test_a_client_is_there_as_soon_as_its_node_is(tmp_path: Path) -> None:
    node = Stub(tmp_path, greeting)
    later = threading.Timer(0.05, node.start)
    later.start()
    try:
        with Client({"commands": node.endpoint}, wait_s=10.0) as client:
            assert client.send(Add("a")).ok
        assert node.frames[0] == []
    finally:
        later.join()
        node.kill()


def test_an_async_client_waits_without_stopping_its_loop(tmp_path: Path) -> None:
    node, turns = Stub(tmp_path, greeting), 0

    async def story() -> bool:
        nonlocal turns
        opening = asyncio.create_task(opened())
        while not opening.done():
            await asyncio.sleep(0)
            turns += 1
            if turns == 100:
                node.start()
        return await opening

    async def opened() -> bool:
        async with AsyncClient({"commands": node.endpoint}, wait_s=10.0) as client:
            return (await client.send(Add("a"))).ok

    try:
        assert asyncio.run(story())
    finally:
        node.kill()
    assert turns >= 100


def test_a_node_that_does_not_answer_in_time_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(RingfoldError, match=r"not ready in time \(reason=it does not answer"):
        Client({"commands": f"ipc://{tmp_path}/commands"}, wait_s=0.05)


def test_a_directory_without_a_node_is_named_as_the_reason(tmp_path: Path) -> None:
    with pytest.raises(RingfoldError, match=r"not ready in time .*no node is running"):
        Client(tmp_path, wait_s=0.05)


def test_a_directory_that_is_not_there_is_not_taken_for_one_without_a_node(tmp_path: Path) -> None:
    with pytest.raises(RingfoldError, match=r"there is no data directory \(path=.*/typo\)"):
        Client(tmp_path / "typo")


def test_what_is_no_node_is_named() -> None:
    app: Any = Engine("notes")
    with pytest.raises(TypeError, match="a node is a data directory, its endpoints or a Node, not <"):
        Client(app)
    with pytest.raises(TypeError, match='app is a name, as in "notes:app"'):
        Node("./data", app=app)


def test_a_knock_that_was_lost_is_repeated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.client.knocks.KNOCK_S", 0.0)
    node = Stub(tmp_path, lambda commands: None)
    arrival = Arrival(Gates({"commands": node.endpoint}), 10.0)
    with node:
        until(lambda: arrival.look() is None and node.frames)
        node.reply = greeting
        address = until(arrival.look)
    assert address is not None
    assert address.commands == node.endpoint


def test_an_async_client_that_waits_is_opened_by_async_with(tmp_path: Path) -> None:
    async def story() -> None:
        client = AsyncClient(tmp_path, wait_s=1.0)
        try:
            await client.send(Add("a"))
        finally:
            await client.close()

    with pytest.raises(RuntimeError, match="async with"):
        asyncio.run(story())
