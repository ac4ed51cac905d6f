"""A ticket is bought on a node, through the library of the domain."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from domain_12306.aggregates.order import State
from domain_12306.messages import OpenRun
from domain_12306.rules.papers import Papers
from domain_12306.rules.times import day_of
from domain_12306.tickets import AsyncTickets, NoTicket, Tickets
from domain_12306.views.orders import Tab
from engine import AsyncClient, Client, Node, Rejected, Vault
from tests.acceptance.kit import SMALL
from tests.acceptance.test_vault import mentioned
from tests.deadline import until

APP = "domain_12306.app:create"
DAY = (day_of(datetime.now(UTC)) + timedelta(days=2)).isoformat()
STOPS = [("a", 540, 540), ("b", 600, 605), ("c", 660, 660)]


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """The whole railway, with some trains of two seats."""
    data = tmp_path_factory.mktemp("tickets") / "data"
    built_in = {"timetable": "", "coaches": "", "stations": "", "calendar": "off"}
    with Node(data, app=APP, settings=SMALL | built_in, log=data.with_suffix(".log")) as node:
        with Client(node.endpoints) as client:
            for number in range(6):
                run = OpenRun(f"T{number}/{DAY}", composition=[(1, "O", 2)], stops=STOPS)
                assert client.send(run, wait="projected:remaining").ok
        yield node


def test_ordering_a_ticket_is_five_lines(node: Node) -> None:
    with Client(node.endpoints) as client:
        tickets = Tickets(client, user="u-1")
        train = tickets.search("a", "c", DAY)[0]
        order = tickets.order(train, "O", ["p-1"])
        paid = tickets.pay(order.order)
    assert (order.state, order.amount) == (State.AWAITING_PAYMENT, 2_000)
    assert (paid.state, paid.paid) == (State.TICKETED, 2_000)
    assert [state for state, _ in paid.history] == ["处理中", "待支付", "已支付", "已出票"]


def test_a_users_orders_and_a_passengers_trips_are_found(node: Node) -> None:
    with Client(node.endpoints) as client:
        tickets = Tickets(client, user="u-2")
        train = tickets.search("a", "b", DAY)[1]
        kept, given_up = tickets.order(train, "O", ["p-2"]), tickets.order(train, "O", ["p-3"])
        tickets.pay(kept.order)
        assert tickets.cancel(given_up.order).state is State.CANCELLED
        assert [one.order for one in tickets.orders(Tab.UPCOMING)] == [kept.order]
        assert [one.order for one in tickets.orders(Tab.HISTORY)] == [given_up.order]
        assert [one.order for one in tickets.orders()] == [given_up.order, kept.order]
        assert [one.order for one in tickets.trips("p-2")] == [kept.order]
        assert tickets.trips("p-3") == []
        with pytest.raises(Rejected, match="too-late"):
            tickets.cancel(kept.order)
        until(lambda: tickets.search("a", "b", DAY)[1].remaining == {"O": 1}, 10, "a seat is free again")


def test_what_the_board_says_is_sold_out_is_not_sent_and_what_it_does_not_know_yet_is_refused(
    node: Node,
) -> None:
    with Client(node.endpoints) as client:
        tickets = Tickets(client, user="u-3")
        before = tickets.search("a", "c", DAY)[2]
        tickets.order(before, "O", ["p-4", "p-5"])
        with pytest.raises(NoTicket) as refused:
            tickets.order(before, "O", ["p-6"])
        assert (refused.value.code, bool(refused.value.order)) == ("sold-out", True)
        until(lambda: tickets.search("a", "c", DAY)[2].remaining == {"O": 0}, 10, "the board knows")
        with pytest.raises(NoTicket) as refused:
            tickets.order(tickets.search("a", "c", DAY)[2], "O", ["p-6"])
        assert (refused.value.code, refused.value.order) == ("sold-out", "")


def test_a_fare_that_was_not_shown_is_refused(node: Node) -> None:
    with Client(node.endpoints) as client:
        tickets = Tickets(client, user="u-4")
        cheap = msgspec.structs.replace(tickets.search("a", "c", DAY)[3], fares={"O": 1})
        with pytest.raises(NoTicket, match="fare-differs"):
            tickets.order(cheap, "O", ["p-7"])


def test_an_order_that_is_sent_again_under_its_name_is_ordered_once_and_another_under_it_is_refused(
    node: Node,
) -> None:
    with Client(node.endpoints) as client:
        tickets = Tickets(client, user="u-6")
        (train,) = (one for one in tickets.search("b", "c", DAY) if one.train == "T3")
        first = tickets.order(train, "O", ["p-10"], order="order-again")
        assert tickets.order(train, "O", ["p-10"], order="order-again") == first
        with pytest.raises(NoTicket, match="already-exists"):
            tickets.order(train, "O", ["p-11"], order="order-again")
        with pytest.raises(NoTicket, match="already-exists"):
            Tickets(client, user="u-7").order(train, "O", ["p-10"], order="order-again")


def test_the_same_can_be_awaited(node: Node) -> None:
    async def story() -> State:
        async with AsyncClient(node.endpoints) as client:
            tickets = AsyncTickets(client, user="u-5")
            train = (await tickets.search("a", "c", DAY))[4]
            order = await tickets.order(train, "O", ["p-8"], order="order-by-name")
            given_up = await tickets.order(train, "O", ["p-9"])
            await tickets.cancel(given_up.order)
            paid = await tickets.pay(order.order)
            person = await tickets.passenger("Zoë Smith", "E 1234 5678", Papers.PASSPORT)
            assert person == await tickets.passenger("Zoë Smith", "e12345678", Papers.PASSPORT)
            assert {one.order for one in await tickets.orders()} == {"order-by-name", given_up.order}
            assert len(await tickets.trips("p-8")) == 1
            return paid.state

    assert asyncio.run(story()) is State.TICKETED


def test_a_passenger_who_is_forgotten_is_nowhere_and_the_ticket_stays(node: Node) -> None:
    name, number = "欧阳若曦", "999999199207236424"
    with Client(node.endpoints) as client:
        tickets = Tickets(client, user="u-5")
        token = tickets.passenger(name, number)
        assert tickets.passenger(name, f" {number[:6]} {number[6:]}") == token, "and so it is one passenger"
        order = tickets.order(tickets.search("a", "c", DAY)[5], "O", [token]).order
        tickets.pay(order)
        record = {"name": name, "kind": "居民身份证", "number": number}
        assert client.query(Vault.get, token=token) == record
        assert mentioned(node.data, [name, number]) == [name, number]
        assert client.query(Vault.forget, token=token)
        assert [trip.order for trip in tickets.trips(token)] == [order]
    assert mentioned(node.data, [name, number]) == []
