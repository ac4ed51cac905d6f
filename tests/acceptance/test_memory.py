"""What is finished leaves the core's memory, and answers as before: the railway over some days of its own
clock."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from domain_12306.aggregates.order import State
from domain_12306.messages import CancelOrder, StartPayment
from domain_12306.tickets import Tickets
from domain_12306.views.orders import Tab
from domain_12306.workers.calendar import Calendar
from engine import Client, Node
from tests.acceptance.kit import SMALL
from tests.deadline import until

APP = "domain_12306.app:create"
TODAY, LONG_S = "2026-11-24", 60.0
ORDERS = 12
TRAIN = """G1,a,1,,08:00,0,,,,,,
G1,b,2,09:00,09:05,10,,,,,,
G1,c,3,10:00,10:00,20,,,,,,
"""


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    """One train a day, put on sale by the calendar."""
    timetable = tmp_path / "timetable.csv"
    timetable.write_text(TRAIN)
    own = {"timetable": timetable, "coaches": "", "stations": "", "clock": f"simulated:{TODAY}T06:00+08:00"}
    with Node(tmp_path / "data", app=APP, settings=SMALL | own, log=tmp_path / "log") as node:
        yield node


def in_memory(node: Node) -> int:
    """How many aggregates the core has there."""
    assert node.page is not None
    return node.page.slot("core-0").aggregates


def test_orders_whose_journey_is_over_leave_memory_and_answer_as_before(node: Node) -> None:
    with Client(node.endpoints) as client:
        until(lambda: len(client.query(Calendar.days)) == 15, LONG_S, "all is on sale")
        tickets = Tickets(client, user="u-1")
        until(lambda: bool(tickets.search("a", "c", TODAY)), LONG_S, "it is on the board")
        train = tickets.search("a", "c", TODAY)[0]
        orders = [tickets.order(train, "O", [f"p-{number}"]).order for number in range(ORDERS)]
        for order in orders[1:]:
            assert tickets.pay(order).state is State.TICKETED
        assert tickets.cancel(orders[0]).state is State.CANCELLED
        before = in_memory(node)
        assert before > 2 * ORDERS, "order and itinerary of each"

        node.time_passes(timedelta(days=5))
        until(lambda: TODAY not in client.query(Calendar.days), LONG_S, "the calendar has closed the day")
        until(lambda: in_memory(node) < 15 + 5, LONG_S, "little but trains is in memory")

        assert client.send(CancelOrder(orders[1])).code == "too-late"
        assert client.send(CancelOrder(orders[0])).outcome == "unchanged"
        assert client.send(StartPayment(orders[0])).code == "time-to-pay-over"
        shown = tickets.show(orders[1])
        assert shown is not None
        assert shown.state is State.TICKETED
        assert {one.order for one in tickets.orders(Tab.HISTORY)} == set(orders)
        assert [one.order for one in tickets.trips("p-1")] == [orders[1]]
