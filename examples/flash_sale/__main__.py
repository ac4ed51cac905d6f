"""`python -m examples.flash_sale`: a small sale with every kind of buyer, a kill, and an audit."""

import os
import signal
import time
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from engine import Client, EventLog, Receipt
from examples.flash_sale.audit import Sale
from examples.flash_sale.messages import CancelOrder, Pay, PlaceOrder, PutOnSale, payment_of
from examples.flash_sale.shop import Shop
from examples.temporary import temporary_node

UNITS, BUYERS, PAY_WITHIN_S = 10, 100, 3.0
PATIENCE_S = 60.0
T = TypeVar("T")


def main() -> None:
    """Tells the story on standard output."""
    with temporary_node("examples.flash_sale:app") as (node, client):
        client.send(PutOnSale("guitar", units=UNITS, price=99_00, pay_within_s=PAY_WITHIN_S))
        client.send(PutOnSale("sticker", units=UNITS, price=0))
        orders = [f"order-{number}" for number in range(BUYERS)]
        last = client.send_many(PlaceOrder(order, article="guitar") for order in orders)[-1]
        at_once = shown(client, orders[-1], last)
        print(f"{BUYERS} buyers order one of {UNITS} guitars; the last one sees at once: {at_once['status']}")
        waiting = ordered(client, orders, "awaiting-payment", UNITS)
        print(f"{len(waiting)} orders wait for their money, the others: {client.query(Shop.totals)}")

        client.send(CancelOrder(waiting[0]))
        for order in waiting[1:-2]:
            pay(client, order)
        print(f"{waiting[0]} is cancelled, {waiting[-2]} and {waiting[-1]} do not pay, all others do")
        client.send(PlaceOrder("order-free", article="sticker"), wait="projected:shop")
        ordered(client, ["order-free"], "completed", 1)
        print("a sticker costs nothing, and its order is completed without a payment")

        os.kill(node.pids["manager-checkout"], signal.SIGKILL)
        print("the process manager, which keeps the timers, is killed")
        ordered(client, waiting, "expired", 2)
        print(f"their {PAY_WITHIN_S:.0f} s over, two orders have expired, once each")
        pay(client, waiting[-1])
        late = client.until(Shop.order, id=waiting[-1], predicate=is_refunded, timeout_s=PATIENCE_S)
        print(f"{waiting[-1]} is paid late, and {late and late['refunded']} is sent back")

        ordered(client, waiting, "completed", UNITS - 3)
        print("guitars:", client.until(Shop.article, id="guitar", predicate=holds_nothing))
        print("orders:", client.query(Shop.totals))
        with EventLog(node.data) as log:
            sale = Sale(entry.commit for entry in log.read())
        broken = [*sale.broken, *sale.at_the_end()]
        print(f"audit: {len(sale.orders)} orders, {len(broken)} broken rules")
        for line in broken:
            print("  ", line)


def pay(client: Client, order: str) -> None:
    """Pays, once the till is open: that follows the reservation by a moment."""
    wait_for(lambda: client.send(Pay(payment_of(order)), timeout_s=PATIENCE_S).ok, f"{order} is paid")


def is_refunded(order: dict[str, Any] | None) -> bool:
    """True if money was sent back for it."""
    return order is not None and order["refunded"] > 0


def holds_nothing(article: dict[str, int] | None) -> bool:
    """True if no unit of it waits for its money."""
    return article is not None and article["held"] == 0


def shown(client: Client, order: str, at_least: Receipt | None = None) -> dict[str, Any]:
    """An order as its buyer sees it."""
    answer = client.query(Shop.order, id=order, at_least=at_least, timeout_s=PATIENCE_S)
    assert answer is not None, f"there is no {order}"
    return answer


def ordered(client: Client, orders: Iterable[str], status: str, count: int) -> list[str]:
    """The orders in a status, once there are so many."""

    def found() -> list[str]:
        some = [order for order in orders if shown(client, order)["status"] == status]
        return some if len(some) >= count else []

    return wait_for(found, f"{count} orders are {status}")


def wait_for(condition: Callable[[], T], what: str) -> T:
    """The first true value of a condition."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.05)
    raise TimeoutError(f"not within {PATIENCE_S} s: {what}")


if __name__ == "__main__":
    main()
