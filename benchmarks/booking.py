"""How many tickets are bought a second? `python -m benchmarks.booking --orders 20000 --json`

Each order is for one passenger: placed, its trip reserved, its seat held, to be paid, paid, confirmed,
issued, every step durable. One process places orders, another one plays the provider of payments: it follows
the log and pays what is to be paid. The views of orders and of the board run.

The rate is of tickets from the first order to the last ticket, by the stamps in the log; `held_ms` is from an
order to its held seats. `--rate` offers so many orders a second; 0 offers as many as the node takes.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from multiprocessing.synchronize import Event as Flag
from pathlib import Path
from typing import Any

from benchmarks.asking import spawning
from benchmarks.figures import facts, percentiles, progress, show
from benchmarks.processes import cpu_seconds
from domain_12306.messages import ORDER, OpenRun, PaymentAwaited, PlaceOrder, ReceivePayment
from domain_12306.rules.times import day_of, moment
from domain_12306.workload.synthetic import SEAT_CLASS, SEGMENTS, station
from engine import Client, EventLog, Node, Subscriber
from engine.base.turns import take_long_turns

APP = "domain_12306.app:create"
DURABILITY = "journal and event store fsynced before each step"
FARE = 1_000  # fen a segment
STEPS = 7  # commits of an order, from placed to ticketed
PATIENCE_S = 120.0
SETTINGS = {"calendar": "off", "timetable": "", "coaches": "", "stations": "", "max_wait_ms": 1_000}
"""without the railway's own data, and with room for many orders to wait"""


def main() -> None:
    """One node, on an empty directory."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.booking",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--orders", type=int, default=20_000, help="how many (20000)")
    parser.add_argument("--runs", type=int, default=100, help="train-runs they spread over (100)")
    parser.add_argument("--rate", type=float, default=0.0, help="orders a second that are offered (0: all)")
    parser.add_argument("--turn-ms", type=int, default=0, help="turns of the node and of what loads it (0)")
    parser.add_argument("--json", action="store_true", help="end with one line of JSON")
    options = parser.parse_args()
    report = facts(DURABILITY) | measure(options)
    show(report, options.json)
    if not report["verified"]:
        sys.exit(1)


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """The report."""
    take_long_turns(options.turn_ms)
    day = (day_of(datetime.now(UTC)) + timedelta(days=5)).isoformat()
    stops = [(station(k), 300 + 10 * k, 300 + 10 * k) for k in range(SEGMENTS + 1)]
    with tempfile.TemporaryDirectory(prefix="ringfold-") as folder:
        node = Node(Path(folder) / "data", app=APP, settings=SETTINGS | {"turn_ms": options.turn_ms})
        with node, Client(node.endpoints) as client:
            for number in range(options.runs):
                coaches = [(coach, SEAT_CLASS, 400) for coach in (1, 2, 3)]
                opened = OpenRun(f"B{number}/{day}", composition=coaches, stops=stops)
                client.send(opened).raise_for_outcome()
            stop = spawning.Event()
            used = spawning.Value("d", 0.0)
            provider = spawning.Process(target=provide, args=(str(node.data), stop, used))
            provider.start()
            wanted = list(orders(options, day))
            before = cpu_seconds(node, client=True)
            place(client, wanted, options.rate)
            until_ticketed(node, options.runs + STEPS * options.orders)
            spent = {name: after - before[name] for name, after in cpu_seconds(node, client=True).items()}
            stop.set()
            provider.join(PATIENCE_S)
            spent["provider"] = used.value
        found = read(Path(folder) / "data")
    return {
        **found,
        "orders": options.orders,
        "runs": options.runs,
        "rate": options.rate,
        "turn_ms": options.turn_ms,
        "verified": found["ticketed"] == options.orders and found["balanced"] and provider.exitcode == 0,
        "cpu_us_per_order": {name: round(s / options.orders * 1e6, 1) for name, s in spent.items()},
    }


def orders(options: argparse.Namespace, day: str) -> Iterator[PlaceOrder]:
    """Journeys of one segment, so that nothing sells out."""
    for number in range(options.orders):
        at = (number // options.runs) % SEGMENTS
        yield PlaceOrder(
            f"{ORDER}{number}",
            user=f"u{number}",
            run=f"B{number % options.runs}/{day}",
            seat_class=SEAT_CLASS,
            board=station(at),
            alight=station(at + 1),
            passengers=[f"p{number}"],
            departs=moment(day, 300 + 10 * at),
            arrives=moment(day, 310 + 10 * at),
            fare=FARE,
        )


def place(client: Client, wanted: list[PlaceOrder], rate: float) -> None:
    """Sends the orders, at this rate."""
    if not rate:
        for receipt in client.send_many(wanted, timeout_s=PATIENCE_S):
            receipt.raise_for_outcome()
        return
    started, tickets = time.perf_counter(), []
    for number, command in enumerate(wanted):
        if (ahead := started + number / rate - time.perf_counter()) > 0.002:
            client.flush()
            time.sleep(ahead)
        tickets.append(client.submit(command, timeout_s=PATIENCE_S))
    for ticket in tickets:
        client.wait(ticket).raise_for_outcome()


def provide(data: str, stop: Flag, used: Any) -> None:
    """Pays whatever is to be paid. `used`: gets the seconds of CPU that this took, without the start."""
    began = time.process_time()
    with Client(data) as client, Subscriber(data, "provider", [PaymentAwaited]) as requests:
        while not stop.is_set():
            some = requests.take(timeout_s=0.2, most=1_000)
            orders = [(delivery.aggregate, delivery.event.amount) for delivery in some]
            paid = [ReceivePayment(order, receipt=order, amount=amount) for order, amount in orders]
            if paid:
                client.send_many(paid, timeout_s=PATIENCE_S)
                requests.ack(*some)
    used.value = time.process_time() - began


def until_ticketed(node: Node, commits: int) -> None:
    """Waits until the log has so many commits and the booking process has nothing left to do, and says how
    far it is."""
    assert node.page is not None
    output, slot = node.page.slot("output-0"), node.page.slot("manager-booking")
    deadline, told = time.monotonic() + PATIENCE_S, 0.0
    while time.monotonic() < deadline:
        last = output.position
        if last >= commits and slot.position == last and slot.outbox == 0:
            return
        if time.monotonic() > told + 2:
            progress(f"{last} of {commits} commits, {slot.outbox} commands wait")
            told = time.monotonic()
        time.sleep(0.05)


def read(data: Path) -> dict[str, Any]:
    """What the log says."""
    placed: dict[str, datetime] = {}
    held: list[float] = []
    last, ticketed, balance = None, 0, 0
    kinds = ["order.placed", "seats.held", "order.ticketed", "order.paid", "payment.refunded"]
    with EventLog(data) as log:
        for entry in log.read(types=kinds):
            commit = entry.commit
            for event in commit.events:
                kind = event["type"]
                if kind == "order.placed":
                    placed[commit.aggregate] = commit.time
                elif kind == "seats.held":
                    held.append((commit.time - placed[event["order"]]).total_seconds())
                elif kind == "order.ticketed":
                    ticketed, last = ticketed + 1, commit.time
                elif kind == "order.paid":
                    balance += event["amount"]
                elif kind == "payment.refunded":
                    balance -= event["amount"]
    assert last is not None
    return {
        "ticketed_per_second": round(ticketed / (last - min(placed.values())).total_seconds()),
        "held_ms": percentiles(held, 1000),
        "ticketed": ticketed,
        "balanced": balance == FARE * ticketed,
    }


if __name__ == "__main__":
    main()
