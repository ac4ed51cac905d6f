"""The whole country: every train of the timetable on 15 days. `python -m benchmarks.national --json`

The node is the whole railway, on an empty directory; its calendar opens all runs by itself.

      start ─▶ all runs open ─▶ sell as fast as it goes ─▶ sell while a client asks ─▶ ask alone ─▶ stop ─▶
      start again

Journeys are drawn by the demand model, so most of them want the same few trains and many find no seat left:
`orders_per_second` counts all answers, `tickets_per_second` only passengers who have a seat. The queries are
departure boards ("what is left from here to there on that day?"), from a process of its own.

Afterwards the log is read from its beginning: no seat is sold twice on any run, a sample of runs passes the
audit event by event, and the view's totals are those of the log, before the restart and after it.

Let Python keep its bytecode, as it does unless told otherwise, and run once before measuring: without it each
process of the node compiles every module for itself, which takes 6 s of CPU of what opening everything takes.

The timetable is `--timetable` or RINGFOLD_TIMETABLE, coaches likewise; without them the built-in one.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec

from benchmarks.asking import Asking, Journey
from benchmarks.driver import PATIENT, Driver, ask
from benchmarks.figures import facts, progress, show
from benchmarks.ledger import Ledger
from benchmarks.processes import cpu_seconds, memory_mb, rss_mb
from benchmarks.selling import Message
from benchmarks.throughput import DURABILITY, VIEW
from domain_12306.app import Reference, reference_data
from domain_12306.rules.times import PRESALE_DAYS
from domain_12306.workload.demand import Demand
from engine import Client, Command, Node

FIRST_DAY = date(2026, 11, 23)
OPEN_S = 120.0
SNAPSHOTS = {"snapshot_events": 250_000}  # what a start has to replay at most, about twice that
APP = "domain_12306.app:create"
CLOCK = f"simulated:{FIRST_DAY}T00:30+08:00"  # stands still: no day begins in between
START_TIMEOUT_S = 600.0
JOURNEYS = 5_000
SOLD_OUT = "sold-out"


def main() -> None:
    """One node: opened, sold, asked, restarted, checked."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.national",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--orders", type=int, default=500_000, help="orders sold at full speed (500000)")
    parser.add_argument("--orders-while-asked", type=int, help="orders sold during queries (a fifth of it)")
    parser.add_argument("--query-seconds", type=float, default=5.0, help="queries without selling (5)")
    parser.add_argument("--batch", type=int, default=100, help="orders per message (100)")
    parser.add_argument("--partitions", type=int, default=1, help="cores of the node (1)")
    parser.add_argument("--audited", type=int, default=200, help="runs audited event by event (200)")
    parser.add_argument("--timetable", default=os.environ.get("RINGFOLD_TIMETABLE", ""))
    parser.add_argument("--coaches", default=os.environ.get("RINGFOLD_COACHES", ""))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--dir", default=None, help="where the data directory is made; the disk to measure")
    parser.add_argument("--json", action="store_true", help="end with one line of JSON")
    options = parser.parse_args()
    report = facts(DURABILITY) | measure(options)
    show(report, options.json)
    if not report["verified"]:
        sys.exit(1)


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """The report."""
    app_settings = {"timetable": options.timetable, "coaches": options.coaches}
    data = reference_data(app_settings)
    demand = demand_for(data, options)
    files = {name: path for name, path in app_settings.items() if path}
    settings = {**files, "partitions": options.partitions, "clock": CLOCK, **SNAPSHOTS, **PATIENT}
    asked_orders = options.orders // 5 if options.orders_while_asked is None else options.orders_while_asked
    report: dict[str, Any] = {
        "timetable": Path(options.timetable).name or "built in",
        "trains": len(demand.trains),
        "days": PRESALE_DAYS,
        "runs_open": len(demand.trains) * PRESALE_DAYS,
        "orders": options.orders + asked_orders,
        "batch": options.batch,
        "partitions": options.partitions,
        "seed": options.seed,
    }
    with tempfile.TemporaryDirectory(prefix="ringfold-", dir=options.dir) as folder:
        node = Node(Path(folder) / "data", app=APP, settings=settings, start_timeout_s=START_TIMEOUT_S)
        started = time.perf_counter()
        with node:
            right = opened(node, started, report)
            taken = Taken(demand, data)
            right &= sold(node, taken.orders(options.orders, options.batch), taken, report, "")
            view = node.endpoints.queries[VIEW]
            with Asking(view, taken.journeys(JOURNEYS)) as asking:
                right &= sold(node, taken.orders(asked_orders, options.batch), taken, report, "_while_asked")
            report |= asking.report("_while_selling")
            with Asking(view, taken.journeys(JOURNEYS)) as asking:
                asking.lasts(options.query_seconds)
            report |= asking.report("_alone")
            report["memory_mb_sold"], report["rss_mb_sold"] = memory_mb(node), rss_mb(node)
            before = ask(view, "totals")
        started = time.perf_counter()
        with node:
            report["restart_seconds"] = round(time.perf_counter() - started, 2)
            report["restart_core_cpu_seconds"] = round(cpu_seconds(node)["core-0"], 2)
            report["memory_mb_restarted"], report["rss_mb_restarted"] = memory_mb(node), rss_mb(node)
            after = ask(node.endpoints.queries[VIEW], "totals")
        progress(f"restarted in {report['restart_seconds']} s; now reading the log")
        found = Ledger(options.audited, options.seed)
        found.read(node.data, options.partitions, app_settings)
    expected = (report["runs_open"], taken.committed, taken.tickets)
    if (found.runs, found.orders, found.tickets) != expected:
        found.broken.append(f"{found.runs, found.orders, found.tickets} in the log, {expected} answered")
    if not before == after == found.totals():
        found.broken.append(f"totals: {before} in the view, {after} restarted, {found.totals()} in the log")
    for text in found.broken[:10]:
        progress(f"NOT VERIFIED: {text}")
    return {
        **report,
        "events": found.runs + found.orders,
        "tickets": taken.tickets,
        "sold_out": taken.refused,
        "runs_audited": found.audited,
        "verified": right and not found.broken,
    }


def demand_for(data: Reference, options: argparse.Namespace) -> Demand:
    """Demand over all trains and days."""
    dates = [(FIRST_DAY + timedelta(days=k)).isoformat() for k in range(PRESALE_DAYS)]
    trains = list(data.timetable.trains)
    return Demand(data.timetable, data.compositions, dates, options.seed, trains)


def opened(node: Node, started: float, report: dict[str, Any]) -> bool:
    """Waits until everything is on sale. True if all of it is. `started`: when the node was, on nothing."""
    report["ready_seconds"] = round(time.perf_counter() - started, 2)
    with Client(node.endpoints) as client:
        wanted = report["runs_open"]
        runs = client.until(VIEW, "totals", predicate=lambda t: t["runs"] == wanted, timeout_s=OPEN_S)["runs"]
    report["open_seconds"] = round(time.perf_counter() - started, 2)
    report["memory_mb_open"], report["rss_mb_open"] = memory_mb(node), rss_mb(node)
    report["open_cpu_seconds"] = {name: round(spent, 2) for name, spent in cpu_seconds(node).items()}
    progress(f"{runs:,} runs open {report['open_seconds']} s after the start; {report['memory_mb_open']} MB")
    return True


class Taken:
    """The orders that were drawn, and what became of them."""

    def __init__(self, demand: Demand, data: Reference) -> None:
        self._demand, self._data = demand, data
        self._parties: dict[str, int] = {}  # command id → passengers, of orders without an answer
        self._number = 0
        self.committed = self.tickets = self.refused = 0

    def orders(self, count: int, batch: int) -> list[Message]:
        """The next orders, encoded."""
        return list(messages_of(self._draw(count), batch))

    def _draw(self, count: int) -> Iterator[Command]:
        for _ in range(count):
            wish = self._demand.draw()
            self._number += 1
            command = wish.command(f"o{self._number}")
            self._parties[command.id] = wish.party
            yield command

    def settle(self, driver: Driver) -> int:
        """Counts the answers. Returns the tickets; AssertionError unless each order has a proper answer."""
        tickets = sum([self._parties.pop(id) for id in driver.committed])
        for answer in driver.others:
            if answer.outcome != "rejected" or answer.code != SOLD_OUT:
                raise AssertionError(f"an order was answered {answer}")
            del self._parties[answer.id or ""]
        if self._parties:
            raise AssertionError(f"{len(self._parties)} orders have no answer")
        self.committed += len(driver.committed)
        self.refused += len(driver.others)
        self.tickets += tickets
        return tickets

    def journeys(self, count: int) -> list[Journey]:
        """Questions for the departure board, asked for as tickets are, by the day at the boarding station."""
        found: list[Journey] = []
        for _ in range(count):
            wish = self._demand.draw()
            train, _, day = wish.aggregate.partition("/")
            stops = self._data.timetable.trains[train]
            offset = next(stop.day_offset for stop in stops if stop.station == wish.board)
            boarding = date.fromisoformat(day) + timedelta(days=offset)
            found.append({"board": wish.board, "alight": wish.alight, "date": boarding.isoformat()})
        return found


def sold(node: Node, messages: list[Message], taken: Taken, report: dict[str, Any], name: str) -> bool:
    """Sells, notes the rates under `name`. True if every order has a proper answer."""
    driver = Driver(node.endpoints.commands)
    before = cpu_seconds(node)
    seconds = driver.play(messages) + caught_up(node, driver)
    orders = sum(count for _, count in messages)
    spent = {process: after - before[process] for process, after in cpu_seconds(node).items()}
    try:
        tickets = taken.settle(driver)
    except (AssertionError, KeyError) as error:
        progress(f"NOT VERIFIED: {error}")
        return False
    report[f"tickets_per_second{name}"] = round(tickets / seconds)
    report[f"orders_per_second{name}"] = round(orders / seconds)
    if orders:
        used = {process: round(s / orders * 1e6, 2) for process, s in spent.items()}
        report[f"cpu_us_per_order{name}"] = used
    progress(f"{orders:,} orders in {seconds:.1f} s: {tickets / seconds:,.0f} tickets/s")
    return True


def messages_of(commands: Iterable[Command], batch: int) -> Iterator[Message]:
    """Encoded commands, `batch` a message."""
    rest = iter(commands)
    while block := list(islice(rest, batch)):
        yield msgspec.json.encode(block), len(block)


def caught_up(node: Node, driver: Driver) -> float:
    """Waits until the view has everything that was answered; the seconds that it took."""
    started = time.perf_counter()
    for reached in driver.positions.items():
        ask(node.endpoints.queries[VIEW], "positions", at_least=reached, timeout_ms=60_000)
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
