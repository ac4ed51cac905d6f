"""Selling through the public clients on a real node: every answer means what the README says it means."""

import asyncio
import os
import signal
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from domain_12306.messages import ConfirmOrder, ReleaseOrder
from domain_12306.workload.synthetic import SEAT_CLASS, run_name
from engine import AsyncClient, Client, Command, Node, QueryRefused, Receipt
from tests.acceptance.kit import SEATS, VIEW, left, open_run, railway, reserve
from tests.deadline import until

IN_FLIGHT = 200

Send = Callable[..., Receipt]
numbers = count()


class Unheard(Command, name="unheard.of"):
    """A command that no aggregate handles."""


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    folder = tmp_path_factory.mktemp("selling")
    with railway(folder / "data", max_in_flight_per_client=IN_FLIGHT) as node:
        yield node


@pytest.fixture(scope="module")
def client(node: Node) -> Iterator[Client]:
    with Client(node.endpoints) as client:
        yield client


@pytest.fixture(params=["sync", "async"])
def send(request: pytest.FixtureRequest, node: Node, client: Client) -> Send:
    """Sends one command with the one client or the other."""

    async def with_async(command: Command, **options: object) -> Receipt:
        async with AsyncClient(node.data) as other:
            return await other.send(command, **options)  # type: ignore[arg-type]

    if request.param == "sync":
        return client.send
    return lambda command, **options: asyncio.run(with_async(command, **options))


@pytest.fixture
def run(client: Client) -> int:
    """The number of a run that is on sale and that no other test sells from."""
    number = next(numbers)
    assert client.send(open_run(number)).outcome == "committed"
    return number


def until_busy(client: Client, command: Command) -> Receipt:
    """Sends until the deadline falls between two sendings: on one that is not yet refused it says unknown."""

    def busy() -> list[Receipt]:
        receipt = client.send(command, timeout_s=0.3)
        return [receipt] if receipt.outcome == "busy" else []

    return until(busy)[0]


def test_an_order_is_committed_with_its_version_and_position(send: Send, run: int) -> None:
    first, second = send(reserve(run, "a")), send(reserve(run, "b"))
    assert (first.outcome, first.version) == ("committed", 2)
    assert (second.outcome, second.version) == ("committed", 3)
    assert second.position > first.position
    assert first.ok


def test_a_rule_says_no_with_its_code(send: Send, run: int) -> None:
    refused = send(reserve(run, "a", party=6))
    assert (refused.outcome, refused.code) == ("rejected", "party-size")
    assert refused.message
    assert not refused.ok


def test_the_last_seat_is_sold_once(client: Client, run: int) -> None:
    receipts = client.send_many([reserve(run, f"o{k}") for k in range(SEATS + 10)])
    assert [receipt.outcome for receipt in receipts] == ["committed"] * SEATS + ["rejected"] * 10
    assert {receipt.code for receipt in receipts[SEATS:]} == {"sold-out"}


def test_seats_given_back_can_be_sold_again(client: Client, run: int) -> None:
    client.send_many([reserve(run, f"o{k}") for k in range(SEATS)])
    assert client.send(reserve(run, "late")).code == "sold-out"
    assert client.send(ConfirmOrder(f"X{run}/2026-11-23", order="o7")).outcome == "committed"
    assert client.send(ReleaseOrder(f"X{run}/2026-11-23", order="o7")).outcome == "committed"
    assert client.send(reserve(run, "later")).outcome == "committed"


def test_a_command_without_a_handler_fails_by_name(send: Send, run: int) -> None:
    failed = send(Unheard(f"X{run}/2026-11-23"))
    assert failed.outcome == "failed"
    assert failed.code == "unknown-command"


def test_the_same_command_again_has_the_same_answer_and_no_effect(send: Send, run: int) -> None:
    order, too_many = reserve(run, "a"), reserve(run, "b", party=6)
    first, refused = send(order), send(too_many)
    assert [send(order) for _ in range(3)] == [first] * 3
    assert send(too_many) == refused
    assert send(reserve(run, "c")).version == first.version + 1


def test_the_same_command_many_times_in_one_batch_takes_effect_once(client: Client, run: int) -> None:
    order = reserve(run, "a")
    receipts = client.send_many([order] * 20)
    assert receipts == [receipts[0]] * 20
    assert client.send(reserve(run, "b")).version == receipts[0].version + 1


def test_an_expected_version_lets_only_the_first_of_two_through(send: Send, run: int) -> None:
    one, other = (replace(reserve(run, order), expected_version=1) for order in "ab")
    assert send(one).outcome == "committed"
    late = send(other)
    assert (late.outcome, late.code) == ("rejected", "wrong-version")


def test_accepted_comes_before_committed_and_the_outcome_can_be_asked_for(send: Send, run: int) -> None:
    order = reserve(run, "a")
    early = send(order, wait="accepted")
    assert early.outcome in ("accepted", "committed")
    assert send(order).outcome == "committed"


def test_after_projected_the_view_shows_it(send: Send, client: Client, run: int) -> None:
    for sold in range(1, 6):
        assert send(reserve(run, f"o{sold}"), wait=f"projected:{VIEW}").outcome == "committed"
        assert left(client, run) == SEATS - sold


def test_a_query_at_least_there_contains_the_own_order(client: Client, run: int) -> None:
    for sold in range(1, 6):
        assert left(client, run, at_least=client.send(reserve(run, f"o{sold}")).at) == SEATS - sold


def test_an_answer_is_waited_for_while_another_client_sells(node: Node, run: int) -> None:
    train, _, date = run_name(run).partition("/")

    def sold_two(answer: Any) -> bool:
        return bool(answer["table"][SEAT_CLASS][0][-1] == SEATS - 2)

    def sell(order: str) -> Receipt:
        with Client(node.endpoints) as client:
            return client.send(reserve(run, order))

    async def watch() -> Any:
        async with AsyncClient(node, wait_s=10.0) as watching:
            asked = watching.until(VIEW, "train", {"train": train, "date": date}, predicate=sold_two)
            waiting = asyncio.create_task(asked)
            for order in "ab":
                assert (await asyncio.to_thread(sell, order)).ok
            return await waiting

    assert sold_two(asyncio.run(watch()))


def test_a_view_that_cannot_get_there_says_so(client: Client) -> None:
    with pytest.raises(QueryRefused, match="behind"):
        client.query(VIEW, "totals", at_least=(0, 1 << 40), timeout_s=0.05)


def test_many_tasks_share_one_async_client(node: Node, run: int) -> None:
    async def buy() -> list[Receipt]:
        async with AsyncClient(node.data) as client:
            return await asyncio.gather(*(client.send(reserve(run, f"o{k}")) for k in range(SEATS + 5)))

    receipts = asyncio.run(buy())
    assert [receipt.outcome for receipt in receipts].count("committed") == SEATS
    assert sorted(receipt.version for receipt in receipts if receipt.ok) == list(range(2, SEATS + 2))


def test_more_than_may_be_in_flight_is_busy_and_nothing_of_it_is_kept(node: Node, run: int) -> None:
    core = node.pids["core-0"]
    unlimited = msgspec.structs.replace(node.endpoints, max_in_flight_per_client=1 << 20)
    with Client(unlimited) as client:
        os.kill(core, signal.SIGSTOP)  # accepted commands stay in flight
        try:
            flying = [client.submit(reserve(run, f"o{k}", party=6)) for k in range(IN_FLIGHT)]
            client.flush()
            late = reserve(run, "late")
            refused = until_busy(client, late)
        finally:
            os.kill(core, signal.SIGCONT)
        assert "in flight" in refused.message
        assert {client.wait(ticket).code for ticket in flying} == {"party-size"}
        assert client.send(late).version == 2


def test_without_room_on_the_disk_everything_is_busy(tmp_path: Path) -> None:
    with railway(tmp_path / "data", disk_reserve_bytes="16TiB") as node, Client(node.endpoints) as client:
        assert "disk" in until_busy(client, open_run(0)).message
        assert node.at_work()


def test_a_restart_keeps_everything_and_answers_again_as_the_first_time(tmp_path: Path) -> None:
    orders = [reserve(0, f"o{k}", k % 3, 4, party=1 + k % 2) for k in range(SEATS)]
    with railway(tmp_path / "data") as node, Client(node.endpoints) as client:
        client.send(open_run(0))
        first = client.send_many(orders)
        seats = left(client, 0, at_least=max(receipt.at for receipt in first))
        assert {receipt.outcome for receipt in first} == {"committed", "rejected"}
    with railway(tmp_path / "data") as node, Client(node.endpoints) as client:
        assert left(client, 0) == seats
        assert client.send_many(orders) == first
        last = max(receipt.version for receipt in first)
        given_back = client.send(ReleaseOrder("X0/2026-11-23", order="o0"))
        assert (given_back.outcome, given_back.version) == ("committed", last + 1)


def test_a_deleted_view_is_built_again_from_the_log(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with railway(data) as node, Client(node.endpoints) as client:
        client.send(open_run(0))
        client.send_many([reserve(0, f"o{k}") for k in range(20)])
    for path in sorted((data / "views").rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    with railway(data) as node, Client(node.endpoints) as client:
        assert left(client, 0, at_least=(0, 21)) == SEATS - 20
