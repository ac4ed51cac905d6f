"""The client for ordinary programs, against a node that does as the test says."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from engine import Client, Event, QueryRefused, Ticket
from engine.base.errors import RingfoldError
from engine.client import conversation, sync
from engine.node.endpoints import Endpoints
from engine.supervisor.node import Node
from tests.deadline import until
from tests.unit.engine.client.stub import Add, Desk, Long, Stub, busy, committed, silent


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Stub]:
    with Stub(tmp_path) as node:
        yield node


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with Desk(tmp_path, lambda request: {"answer": request["query"]}) as desk:
        yield desk


@pytest.fixture
def client(node: Stub, desk: Desk) -> Iterator[Client]:
    with Client({"commands": node.endpoint, "queries": {"view": desk.endpoint}}, linger_s=60.0) as client:
        yield client


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands are sent again soon."""
    monkeypatch.setattr(conversation, "RESEND_S", 0.05)


@pytest.fixture
def no_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    """A query that is not answered is given up at once."""
    monkeypatch.setattr(sync, "GRACE_S", 0.0)


def pumped(client: Client, number: int) -> list[Ticket]:
    """The tickets that `pump` returns, until there are so many."""
    done: list[Ticket] = []
    until(lambda: done.extend(client.pump(0.01)) or len(done) >= number)  # type: ignore[func-returns-value]
    return done


def test_a_command_comes_back_as_a_receipt(client: Client) -> None:
    command = Add("a", number=6)
    receipt = client.send(command)
    assert (receipt.outcome, receipt.id, receipt.version, receipt.at) == ("committed", command.id, 1, (0, 7))


def test_many_are_sent_in_batches_and_their_receipts_are_in_order(client: Client, node: Stub) -> None:
    commands = [Add("a", number=n) for n in range(1050)]
    receipts = client.send_many(commands)
    assert [receipt.position for receipt in receipts] == list(range(1, 1051))
    assert [receipt.id for receipt in receipts] == node.ids
    assert [len(frame) for frame in node.frames] == [100] * 10 + [50]


def test_a_lone_submitted_command_leaves_at_once(client: Client, node: Stub) -> None:
    client.submit(Add("a"))
    until(lambda: node.frames)


def test_after_one_in_flight_submitted_commands_wait_for_company(client: Client, node: Stub) -> None:
    node.reply = silent
    tickets = [client.submit(Add("a")) for _ in range(101)]
    until(lambda: len(node.ids) == 101)
    tickets.append(client.submit(Add("a")))
    client.flush()
    until(lambda: len(node.ids) == 102)
    assert [len(frame) for frame in node.frames] == [1, 100, 1]
    assert node.ids == [ticket.id for ticket in tickets]


def test_the_oldest_waits_no_longer_than_it_may(node: Stub) -> None:
    node.reply = silent
    with Client({"commands": node.endpoint}, linger_s=0.0) as client:
        for _ in range(3):
            client.submit(Add("a"))
        until(lambda: len(node.ids) == 3)


def test_pump_tells_of_every_ticket_once_also_of_those_taken_in_while_submitting(node: Stub) -> None:
    with Client({"commands": node.endpoint}, batch=2) as client:
        tickets = [client.submit(Add("a")) for _ in range(100)]
        client.flush()
        until(lambda: len(node.ids) == 100)
        tickets += [client.submit(Add("a")) for _ in range(100)]
        done = pumped(client, 200)
        assert sorted(ticket.id for ticket in done) == sorted(ticket.id for ticket in tickets)
        assert client.pump(0) == []


def test_when_too_much_is_in_flight_submit_waits_for_answers(node: Stub) -> None:
    with Client({"commands": node.endpoint}, batch=10) as client:
        client._talk.max_in_flight = 30
        assert len(pumped_while_submitting(client, 500)) == 500


def pumped_while_submitting(client: Client, number: int) -> list[Ticket]:
    for n in range(number):
        client.submit(Add("a", number=n))
    return pumped(client, number)


def test_submit_waits_for_room_no_longer_than_its_time(client: Client, node: Stub) -> None:
    node.reply = silent
    client._talk.max_in_flight = 1
    first = client.submit(Add("a"), timeout_s=0.1)
    second = client.send(Add("a"), timeout_s=0.05)
    assert second.outcome == "busy", "nothing of it has left"
    assert client.wait(first).outcome == "unknown"


def test_a_busy_node_is_asked_again_until_it_is_not(client: Client, node: Stub) -> None:
    refusals = iter(range(3))
    node.reply = lambda commands: busy(commands) if next(refusals, None) is not None else committed(commands)
    command = Add("a")
    assert client.send(command).outcome == "committed"
    assert node.ids == [command.id] * 4


def test_no_answer_in_time_is_unknown_with_its_id(client: Client, node: Stub) -> None:
    node.reply = silent
    command = Add("a")
    receipt = client.send(command, timeout_s=0.05)
    assert (receipt.outcome, receipt.id, receipt.ok) == ("unknown", command.id, False)
    node.reply = committed
    assert client.send(command).outcome == "committed"


@pytest.mark.usefixtures("impatient")
def test_a_node_that_was_killed_with_everything_in_flight_gets_it_again_with_the_same_ids(
    client: Client, node: Stub
) -> None:
    assert client.send(Add("a")).ok
    node.reply = silent
    commands = [Add("a", number=n) for n in range(250)]
    tickets = [client.submit(command) for command in commands]
    client.flush()
    until(lambda: len(node.ids) >= 251)
    node.kill()
    client.pump(0.1)
    node.reply = committed
    node.start()
    receipts = [client.wait(ticket) for ticket in tickets]
    assert [receipt.position for receipt in receipts] == list(range(1, 251))
    assert set(node.ids[1:]) == {command.id for command in commands}


@pytest.mark.usefixtures("impatient")
def test_a_client_may_be_there_before_its_node(tmp_path: Path) -> None:
    node = Stub(tmp_path, name="late")
    with Client({"commands": node.endpoint}) as client:
        ticket = client.submit(Add("a"))
        client.pump(0)
        with node:
            assert client.wait(ticket).outcome == "committed"


def test_acceptance_is_asked_for_and_waited_for(client: Client, node: Stub) -> None:
    node.reply = lambda commands: [{"outcome": "accepted", "ids": [c["id"] for c in commands]}]
    receipt = client.send(Add("a"), wait="accepted")
    assert (receipt.outcome, receipt.ok) == ("accepted", True)
    assert node.frames[0][0]["wait"] == "accepted"


def test_who_only_sends_waits_for_nothing_and_is_told_so(client: Client, node: Stub) -> None:
    receipts = [client.send(Add("a"), wait="sent") for _ in range(20)]
    # "committed" where the answer was there by the time that the next one was sent
    assert {receipt.outcome for receipt in receipts} <= {"sent", "committed"}
    assert all(receipt.ok == (receipt.outcome == "committed") for receipt in receipts)
    until(lambda: node.ids == [receipt.id for receipt in receipts])
    until(lambda: client.pump(0.01) == [] and len(client._talk) == 0)


@pytest.mark.parametrize("wait", ["comitted", "projected", "projected:", "projected:other", ""])
def test_a_wait_that_cannot_be_met_is_refused_before_the_command_is_sent(
    client: Client, node: Stub, wait: str
) -> None:
    with pytest.raises(ValueError, match="wait="):
        client.send(Add("a"), wait=wait)
    for send in (client.submit, lambda command, wait: client.send_many([command], wait)):
        with pytest.raises(ValueError, match="wait="):
            send(Add("a"), wait)
    assert client.send(Add("a")).ok
    assert len(node.ids) == 1


def test_projected_asks_the_view_for_the_commands_own_position(client: Client, desk: Desk) -> None:
    receipt = client.send(Add("a", number=41), wait="projected:view")
    assert (receipt.outcome, receipt.view_ready) == ("committed", True)
    assert [(q["query"], q["at_least"]) for (q,) in desk.frames] == [("positions", [0, 42])]


@pytest.mark.usefixtures("no_grace")
@pytest.mark.parametrize("answer", [{"error": "behind", "message": "not yet"}, None])
def test_committed_stays_committed_though_the_view_that_was_waited_for_lags(
    client: Client, desk: Desk, answer: dict[str, Any] | None
) -> None:
    desk.answer = lambda request: answer
    receipt = client.send(Add("a", number=41), wait="projected:view", timeout_s=0.05)
    assert (receipt.outcome, receipt.version, receipt.at) == ("committed", 1, (0, 42))
    assert (receipt.ok, receipt.view_ready) == (True, False)
    assert "view view is not there yet" in receipt.message
    assert receipt.raise_for_outcome() is receipt


def test_a_query_carries_its_arguments_and_its_position(client: Client, desk: Desk) -> None:
    assert client.query("view", "left", {"x": 1}, at_least=(0, 9), timeout_s=2.0) == "left"
    ((asked,),) = desk.frames
    assert {name: asked[name] for name in asked if name != "request"} == {
        "query": "left", "args": {"x": 1}, "at_least": [0, 9], "timeout_ms": 2000
    }  # fmt: skip


def test_a_refused_query_says_why(client: Client, desk: Desk) -> None:
    desk.answer = lambda request: {"error": "unknown-query", "message": "this view has: left"}
    with pytest.raises(QueryRefused, match="this view has: left") as refused:
        client.query("view", "lef")
    assert refused.value.code == "unknown-query"


@pytest.mark.usefixtures("no_grace")
def test_the_late_answer_to_a_query_that_was_given_up_is_ignored(client: Client, desk: Desk) -> None:
    desk.answer = lambda request: None
    with pytest.raises(TimeoutError, match="view view did not answer"):
        client.query("view", "first", timeout_s=0.01)
    desk.answer = lambda request: {"request": 1, "answer": "late"}
    with pytest.raises(TimeoutError):
        client.query("view", "second", timeout_s=0.01)
    desk.answer = lambda request: {"answer": "mine"}
    assert client.query("view", "third") == "mine"


def test_an_unknown_view_is_refused_with_the_names_of_those_that_there_are(client: Client) -> None:
    with pytest.raises(QueryRefused, match="there is no view 'other'; the node has view") as refused:
        client.query("other", "left")
    assert refused.value.code == "unknown-view"


def test_until_asks_again_for_what_comes_after_the_answer_that_did_not_do(client: Client, desk: Desk) -> None:
    desk.answer = lambda request: {"answer": 3 if request.get("after") == [1] else 2}
    assert client.until("view", "left", {"x": 1}, predicate=lambda left: left == 3, at_least=(0, 1)) == 3
    first, second = [asked for (asked,) in desk.frames]
    assert (first["at_least"], "after" in first) == ([0, 1], False)
    assert (second["at_least"], second["after"]) == ([0, 1], [1]), "it may be asked on another node"


def test_until_waits_for_a_true_answer_where_nothing_else_is_said(client: Client, desk: Desk) -> None:
    answers: Iterator[Any] = iter([None, [], {"title": "Tea"}])
    desk.answer = lambda request: {"answer": next(answers)}
    assert client.until("view", "note") == {"title": "Tea"}


@pytest.mark.usefixtures("no_grace")
def test_until_ends_in_time_with_the_last_answer(client: Client, desk: Desk) -> None:
    desk.answer = lambda request: {"answer": "no"}
    with pytest.raises(TimeoutError, match='it answers "no"'):
        client.until("view", "left", predicate=lambda answer: answer == "yes", timeout_s=0.05)


def test_until_goes_on_while_the_view_restarts(client: Client, desk: Desk) -> None:
    answers: Iterator[Any] = iter([{"error": "stopping", "message": "the node stops"}, {"answer": 1}])
    desk.answer = lambda request: next(answers)
    assert client.until("view", "left") == 1


def test_a_query_may_name_a_receipt_for_what_it_must_contain(client: Client, desk: Desk) -> None:
    client.query("view", "left", at_least=client.send(Add("a", number=41)))
    ((asked,),) = desk.frames
    assert asked["at_least"] == [0, 42]


class Added(Event, name="added"):
    pass


@pytest.mark.parametrize(
    ("thing", "text"),
    [
        (Added(), "Added is an event: it has happened already"),
        ({"type": "add", "aggregate": "a"}, "a dictionary is not a command"),
        ([Add("a")], "a list is not a command: send each of them, or all by send_many"),
        (Add, "Add is a class: send an object of it"),
        (7, "int is no Command"),
    ],
)
def test_what_is_no_command_is_not_sent_and_it_is_said_why(client: Client, thing: Any, text: str) -> None:
    for send in (client.send, client.submit, lambda thing: client.send_many([thing])):
        with pytest.raises(TypeError, match=text):
            send(thing)


def test_many_need_a_list_of_them(client: Client) -> None:
    one: Any = Add("a")
    with pytest.raises(TypeError, match="send_many sends several commands"):
        client.send_many(one)


def test_no_more_are_in_flight_than_the_node_lets_a_client_have(node: Stub) -> None:
    with Client({"commands": node.endpoint, "max_in_flight_per_client": 3}) as client:
        most = 0
        for number in range(20):
            client.submit(Add("a", number=number))
            most = max(most, len(client._talk))
    assert most == 3


def test_a_closed_client_says_so(client: Client) -> None:
    client.close()
    client.close()
    ask: list[Callable[[], object]] = [
        lambda: client.send(Add("a")),
        lambda: client.send_many([Add("a")]),
        lambda: client.submit(Add("a")),
        lambda: client.pump(0.0),
        lambda: client.query("view", "left"),
        lambda: client.until("view", "left"),
    ]
    for call in ask:
        with pytest.raises(RuntimeError, match="the client is closed"):
            call()


def test_after_a_fork_the_child_is_told_to_make_its_own(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert client.send(Add("a")).ok
    parent = os.getpid()
    monkeypatch.setattr(os, "getpid", lambda: parent + 1)
    for call in (lambda: client.send(Add("a")), lambda: client.query("view", "left")):
        with pytest.raises(RuntimeError, match="made before this process was forked"):
            call()
    client.close()  # its sockets are the parent's
    monkeypatch.undo()
    assert client.send(Add("a")).ok


def test_a_started_node_is_an_address_and_one_that_is_not_says_so(node: Stub) -> None:
    with pytest.raises(RingfoldError, match="the node is not started"):
        Client(Node("nowhere", app="notes:app"))

    class Started:
        endpoints = msgspec.convert(
            {name: {} for name in ("queries", "process_managers")}
            | {"commands": node.endpoint, "reads": "", "events": [], "status": "", "data": "", "app": ""}
            | dict.fromkeys(("max_message_bytes", "max_commands_per_message"), 1000)
            | {"max_in_flight_per_client": 10, "partitions": 1, "pid": 0},
            Endpoints,
        )

    with Client(Started()) as client:
        assert client.send(Add("a")).ok


def test_without_a_node_in_the_directory_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(RingfoldError, match="no node is running"):
        Client(tmp_path)


def test_a_command_that_is_too_large_is_not_told_to_be_sent(node: Stub) -> None:
    with Client({"commands": node.endpoint, "max_message_bytes": 1_000}) as client:
        receipt = client.send(Long("a", text="x" * 1_000), wait="sent")
    assert (receipt.outcome, receipt.code) == ("failed", "too-large")
