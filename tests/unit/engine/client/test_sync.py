"""The client for ordinary programs, against a node that does as the test says."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine import Client, QueryRefused, Ticket
from engine.base.errors import RingfoldError
from engine.client import conversation, sync
from tests.deadline import until
from tests.unit.engine.client.stub import Add, Desk, Stub, busy, committed, silent


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


def test_behind_one_in_flight_submitted_commands_wait_for_company(client: Client, node: Stub) -> None:
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
    assert first.receipt is not None
    assert (first.receipt.outcome, second.outcome) == ("unknown", "unknown")


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
    assert {receipt.outcome for receipt in receipts} == {"sent"}
    assert not receipts[0].ok
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
    assert client.send(Add("a", number=41), wait="projected:view").outcome == "committed"
    assert [(q["query"], q["at_least"]) for (q,) in desk.frames] == [("positions", [0, 42])]


@pytest.mark.usefixtures("no_grace")
@pytest.mark.parametrize("answer", [{"error": "behind", "message": "not yet"}, None])
def test_a_view_that_lags_makes_it_unknown_but_keeps_what_is_known(
    client: Client, desk: Desk, answer: dict[str, Any] | None
) -> None:
    desk.answer = lambda request: answer
    receipt = client.send(Add("a", number=41), wait="projected:view", timeout_s=0.05)
    assert (receipt.outcome, receipt.version, receipt.at) == ("unknown", 1, (0, 42))
    assert "committed" in receipt.message


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
def test_the_late_answer_to_a_query_that_was_given_up_is_for_nobody(client: Client, desk: Desk) -> None:
    desk.answer = lambda request: None
    with pytest.raises(TimeoutError, match="view view did not answer"):
        client.query("view", "first", timeout_s=0.01)
    desk.answer = lambda request: {"request": 1, "answer": "late"}
    with pytest.raises(TimeoutError):
        client.query("view", "second", timeout_s=0.01)
    desk.answer = lambda request: {"answer": "mine"}
    assert client.query("view", "third") == "mine"


def test_an_unknown_view_is_a_key_error(client: Client) -> None:
    with pytest.raises(KeyError):
        client.query("other", "left")


def test_without_a_node_in_the_directory_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(RingfoldError, match="no node is running"):
        Client(tmp_path)
