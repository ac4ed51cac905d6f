"""Everything is killed at once, and comes back after the timers should have fired."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from engine import Client, Node
from examples.flash_sale.audit import Sale
from examples.flash_sale.messages import Pay, PlaceOrder, PutOnSale, payment_of
from tests.deadline import until
from tests.examples.following import History
from tests.flash_sale.story import APP, SETTINGS

ORDERS = [f"order-{number}" for number in range(20)]


@pytest.mark.slow
def test_orders_whose_time_ran_out_while_the_node_was_down_expire_once(tmp_path: Path) -> None:
    data = tmp_path / "data"
    node = Node(data, app=APP, settings=SETTINGS, log=tmp_path / "node.log")
    with node, Client(node.endpoints) as client:
        client.send(PutOnSale("guitar", units=len(ORDERS), price=10, pay_within_s=1.0))
        client.send_many(PlaceOrder(order, article="guitar") for order in ORDERS)
        history = History(data, 1)
        sale = followed(history, Sale(), lambda sale: sale.statuses()["reserved"] == len(ORDERS))
        pay_by = max(event["pay_by"] for event in events(history) if event["type"] == "order.reserved")
        until(lambda: timers(node) == len(ORDERS), 10, "the timers are set")
        pids = node.pids.values()
        node.kill()
        until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids), 10, "all of them are gone")
    until(lambda: datetime.now(UTC) > datetime.fromisoformat(pay_by), 10, "the time to pay is over")
    with node, Client(node.endpoints) as client:
        followed(history, sale, lambda sale: sale.statuses()["expired"] == len(ORDERS) and not sale.held)
        late = [client.send(Pay(payment_of(order))) for order in ORDERS[:3]]
        assert all(receipt.ok for receipt in late)
        followed(history, sale, lambda sale: sale.refunds == len(late))
        until(lambda: timers(node) == 0, 10, "no timer is left")
    assert [*sale.broken, *sale.at_the_end()] == []
    history.close()


def events(history: History) -> list[dict[str, Any]]:
    return [event for commit in history.commits for event in commit.events]


def followed(history: History, sale: Sale, enough: Any) -> Sale:
    """The sale, once it has come so far."""

    def far() -> bool:
        for commit in history.new():
            sale.take(commit)
        return bool(enough(sale))

    until(far, 20, "the sale goes on")
    return sale


def timers(node: Node) -> int:
    """How many timers the checkout keeps, as the status page says."""
    assert node.page is not None
    return int(node.page.slot("manager-checkout").timers)
