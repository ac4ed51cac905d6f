"""A client that knows several nodes of a cluster goes on with another when the one that it uses is gone."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from engine import AsyncClient, Client, ClientPool, ConfigError, QueryRefused, RingfoldError
from engine.client import gates as gates_file
from engine.client.gates import Gates
from tests.deadline import until
from tests.unit.engine.client.stub import Add, Desk, Message, Stub, busy, committed


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """A silent gate is knocked at at once, and the first that is named is used first."""
    for module in ("sync", "aio"):
        monkeypatch.setattr(f"engine.client.{module}.SILENT_S", 0.05)
    monkeypatch.setattr("engine.client.conversation.FULL_S", 0.1)
    monkeypatch.setattr("random.shuffle", lambda nodes: None)


def deaf(commands: list[Message]) -> list[Message] | None:
    """A gate that takes commands and answers them late, as while a partition has no owner."""
    return None if commands else [{"outcome": "failed", "id": None, "code": "malformed", "message": "none"}]


def at(node: Stub, cluster: str = "c", **queries: Stub) -> dict[str, Any]:
    """The endpoints of a node."""
    views = {name: view.endpoint for name, view in queries.items()}
    return {"commands": node.endpoint, "queries": views, "cluster": cluster}


@pytest.fixture
def first(tmp_path: Path) -> Iterator[Stub]:
    with Stub(tmp_path, deaf, "first") as node:
        yield node


@pytest.fixture
def second(tmp_path: Path) -> Iterator[Stub]:
    with Stub(tmp_path, committed, "second") as node:
        yield node


def test_what_a_node_did_not_answer_another_one_gets_under_the_same_id(first: Stub, second: Stub) -> None:
    with Client([at(first), at(second)]) as client:
        tickets = [client.submit(Add("a", number=n)) for n in range(3)]
        client.flush()
        until(lambda: set(first.ids) == {ticket.id for ticket in tickets})
        first.kill()
        assert [client.wait(ticket).position for ticket in tickets] == [1, 2, 3]
        assert set(second.ids) == {ticket.id for ticket in tickets}
        assert client.send(Add("a")).ok


def test_an_async_client_goes_on_too(first: Stub, second: Stub) -> None:
    async def story() -> None:
        async with AsyncClient([at(first), at(second)]) as client:
            lost = [asyncio.create_task(client.send(Add("a", number=n))) for n in range(3)]
            while len(first.ids) < 3:
                await asyncio.sleep(0.005)
            first.kill()
            assert [receipt.position for receipt in await asyncio.gather(*lost)] == [1, 2, 3]

    asyncio.run(story())


def test_a_pool_has_its_clients_go_on(first: Stub, second: Stub) -> None:
    with ClientPool((at(first), at(second)), most=1) as pool:
        first.kill()
        assert pool.send(Add("a")).ok


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A gate has all the time that it needs, on a slow machine too."""
    monkeypatch.setattr(gates_file, "PATIENCE_S", 60.0)


@pytest.mark.usefixtures("patient")
def test_a_client_stays_with_a_node_that_only_answers_late(first: Stub, second: Stub) -> None:
    with Client([at(first), at(second)]) as client:
        ticket = client.submit(Add("a"))
        until(lambda: client.pump(0.01) == [] and first.frames.count([]) >= 3, 10, "it was knocked at")
        assert second.frames == []
        first.reply = lambda commands: committed(commands) if commands else deaf(commands)
        assert client.send(Add("a")).ok
        assert client.wait(ticket).ok
        assert second.frames == []


@pytest.mark.usefixtures("patient")
def test_a_node_that_is_full_for_long_is_left(first: Stub, second: Stub) -> None:
    first.reply = lambda commands: busy(commands) if commands else deaf(commands)
    with Client([at(first), at(second)]) as client:
        assert client.send(Add("a")).ok
    assert first.ids[0] == second.ids[0]


def test_a_client_stays_where_every_node_is_full(first: Stub, second: Stub) -> None:
    first.reply = lambda commands: busy(commands) if commands else deaf(commands)
    second.kill()
    with Client([at(first), at(second)]) as client:
        assert client.send(Add("a"), timeout_s=1.0).outcome == "busy"
        first.reply = committed
        assert client.send(Add("a")).ok


def test_a_node_that_comes_back_is_used_again_if_the_other_one_dies(first: Stub, second: Stub) -> None:
    with Client([at(first), at(second)]) as client:
        first.kill()
        assert client.send(Add("a")).ok
        first.reply = committed
        first.start()
        assert client.send(Add("a")).ok
        assert first.ids == [], "it stays where it is"
        second.kill()
        assert client.send(Add("a")).ok
        assert len(first.ids) == 1


def test_a_single_node_is_never_knocked_at(first: Stub) -> None:
    with Client(at(first)) as client:
        assert client.send(Add("a"), timeout_s=0.3).outcome == "unknown"
    assert [] not in first.frames


@pytest.mark.parametrize(("one", "other"), [("c", "d"), ("c", ""), ("", "")])
def test_nodes_that_are_not_of_one_cluster_are_refused(
    first: Stub, second: Stub, one: str, other: str
) -> None:
    with pytest.raises(ConfigError, match="not of one cluster"):
        Client([at(first, one), at(second, other)])


def test_a_node_that_does_not_run_is_passed_over(tmp_path: Path, second: Stub) -> None:
    with Client([tmp_path, at(second)]) as client:
        assert client.send(Add("a")).ok
    with pytest.raises(RingfoldError, match="no node is running"):
        Client([tmp_path, tmp_path])
    with pytest.raises(ConfigError, match="needs a node"):
        Client([])


def test_a_client_waits_for_the_first_of_several_nodes_to_be_there(first: Stub, second: Stub) -> None:
    first.kill()
    second.reply = lambda commands: committed(commands) if commands else deaf(commands)
    with Client([at(first), at(second)], wait_s=10.0) as client:
        assert client.send(Add("a")).ok
    assert first.frames == []


def test_new_clients_spread_over_the_nodes(
    monkeypatch: pytest.MonkeyPatch, first: Stub, second: Stub
) -> None:
    monkeypatch.undo()
    used = set()
    for _ in range(100):
        gates = Gates([at(first), at(second)])
        used.add(gates.use(gates.known()[0]).commands)
    assert used == {first.endpoint, second.endpoint}


def refusing(code: str) -> Callable[[Message], Message]:
    return lambda request: {"error": code, "message": "not here"}


def asked(nodes: list[dict[str, Any]], **how: Any) -> tuple[Any, Any]:
    """The answers to the same question by both clients."""

    async def story() -> Any:
        async with AsyncClient(nodes) as client:
            return await client.query("view", "x", **how)

    with Client(nodes) as client:
        return client.query("view", "x", **how), asyncio.run(story())


@pytest.mark.parametrize("code", ["failed", "stopping"])
def test_another_node_is_asked_where_a_view_or_worker_is_not_at_work(
    tmp_path: Path, first: Stub, second: Stub, code: str
) -> None:
    here, there = Desk(tmp_path, refusing(code), "here"), Desk(tmp_path, lambda _: {"answer": 7}, "there")
    with here, there:
        nodes = [at(first, view=here), at(second, view=there)]
        assert asked(nodes, at_least=(0, 1)) == (7, 7)
        assert {frame[0]["at_least"] == [0, 1] for frame in there.frames} == {True}
        there.answer = refusing(code)
        with pytest.raises(QueryRefused, match=f"{code}: not here"):
            asked(nodes)


def test_a_view_that_is_behind_says_so_and_no_other_is_asked(
    tmp_path: Path, first: Stub, second: Stub
) -> None:
    here, there = Desk(tmp_path, refusing("behind"), "here"), Desk(tmp_path, lambda _: None, "there")
    with here, there, pytest.raises(QueryRefused, match="behind"):
        asked([at(first, view=here), at(second, view=there)], at_least=(0, 9))
    assert there.frames == []


def test_a_question_goes_to_another_node_when_its_own_is_gone(
    tmp_path: Path, first: Stub, second: Stub
) -> None:
    here, there = Desk(tmp_path, lambda _: None, "here"), Desk(tmp_path, lambda _: {"answer": 7}, "there")
    first.kill()
    with there:
        assert asked([at(first, view=here), at(second, view=there)]) == (7, 7)
