"""The story: users order, pay and cancel on a few trains, while parts of their host are killed. The provider
of payments declines, answers twice, is slow and late.

At the end every order is ticketed, refused or cancelled, what was paid and not sent back is what tickets
cost and what the provider has, and the seats that are gone are those of tickets.
"""

import random
import threading
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from domain_12306.aggregates.order import State
from domain_12306.messages import ORDER, CancelOrder, OpenRun, StartPayment
from domain_12306.rules.times import day_of
from domain_12306.tickets import order_of
from domain_12306.views.answers import Entry, Journey
from domain_12306.views.inventory import SeatInventory
from domain_12306.views.orders import Orders, OrderShown
from domain_12306.workers.payments import Payments
from engine import Client, Node
from engine.node.status import StatusPage
from tests.deadline import until
from tests.examples.hosts import Host, positions

APP = "domain_12306.app:create"
DAY = (day_of(datetime.now(UTC)) + timedelta(days=3)).isoformat()
STATIONS = "abcde"
STOPS = [(station, 540 + 60 * k, 540 + 60 * k) for k, station in enumerate(STATIONS)]
TRAINS, SEATS, USERS = 12, 80, 4
SETTINGS = {
    "timetable": "",
    "coaches": "",
    "stations": "",
    "calendar": "off",
    "provider": "decline=0.1,twice=0.2,late=0.2,slow=0.1",
    "segment_bytes": "1MiB",
    "max_message_bytes": "256KiB",
    "checkpoint_ms": 50,
    "snapshot_events": 500,
}
FOLLOWERS = ("manager-booking", "projector-orders", "projector-remaining")
ENDS = (State.TICKETED, State.REFUSED, State.CANCELLED)
PATIENCE_S = 60.0


@dataclass
class Report:
    """What happened. `broken`: each broken rule as a sentence."""

    seed: int
    kills: Counter[str] = field(default_factory=Counter)
    states: Counter[str] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        killed = ", ".join(f"{name} {count}" for name, count in sorted(self.kills.items()))
        stand = ", ".join(f"{count} {state}" for state, count in self.states.most_common())
        return f"seed {self.seed}: {self.kills.total()} kills ({killed}); {stand}; {self.broken[:20]}"


class User(threading.Thread):
    """Orders for passengers of its own; some it pays, some twice, some it gives up, and some it leaves."""

    def __init__(self, number: int, seed: int, host: Host, board: list[Entry], stop: threading.Event) -> None:
        super().__init__(name=f"user-{number}")
        self.orders: list[str] = []
        self.error: BaseException | None = None
        self._user, self._draw = f"user-{number}", random.Random(f"{seed}/{number}")
        self._host, self._board, self._stop_asked = host, board, stop

    def run(self) -> None:
        try:
            with Client(self._host.gates) as client:
                while not self._stop_asked.wait(0.01):
                    self._turn(client)
        except BaseException as error:
            self.error = error

    def _turn(self, client: Client) -> None:
        draw, number = self._draw, len(self.orders)
        order = f"{ORDER}{self._user}-{number}"
        passengers = [f"{order}-{k}" for k in range(draw.choice((1, 1, 2)))]
        self.orders.append(order)
        command = order_of(f"{self._user}-{number // 2}", draw.choice(self._board), "O", passengers, order)
        client.send(command, timeout_s=PATIENCE_S).raise_for_outcome()
        if draw.random() < 0.2 and number:
            client.send(CancelOrder(draw.choice(self.orders)), timeout_s=PATIENCE_S)
        for other in self.orders[-10:]:
            if draw.random() < 0.15:  # refused until it is due, and again when it is not
                client.send(StartPayment(other), timeout_s=PATIENCE_S)


def run(host: Host, *, kills_each: int, seed: int) -> Report:
    """Kills every part of the host so often, and checks what is left."""
    report, stop = Report(seed), threading.Event()
    with host:
        with Client(host.gates) as client:
            for number in range(TRAINS):
                opened = OpenRun(f"T{number}/{DAY}", composition=[(1, "O", SEATS)], stops=STOPS)
                client.send(opened, wait="projected:remaining").raise_for_outcome()
            board = [
                entry
                for i, a in enumerate(STATIONS)
                for b in STATIONS[i + 1 :]
                for entry in client.query(SeatInventory.remaining, Journey(a, b, DAY))
            ]
        users = [User(number, seed, host, board, stop) for number in range(USERS)]
        killer = host.killer(kills_each, seed)
        for user in users:
            user.start()
        try:
            killer.start()
            killer.join()
        finally:
            killer.stop()
            stop.set()
            for user in users:
                user.join(PATIENCE_S)
        for user in users:
            if user.error is not None:
                raise user.error
        orders = [order for user in users for order in user.orders]
        with Client(host.gates) as client:
            finish(client, host, orders)
            report.broken = broken(client, orders, report)
        report.broken += host.stop()
    report.kills.update(killer.killed)
    return report


def finish(client: Client, host: Host, orders: list[str]) -> None:
    """Half of what waits for its money gets it, the rest is given up; then everything comes to rest."""
    for gives_up in (False, True):
        until(lambda: at_rest(host, client), PATIENCE_S, "everything has been sent, and reported")
        for number, order in enumerate(orders):
            shown = client.query(Orders.order, id=order)
            assert shown is not None, order
            if shown.state is State.AWAITING_PAYMENT:
                pays = number % 2 and not gives_up
                command = StartPayment(order) if pays else CancelOrder(order)
                client.send(command, timeout_s=PATIENCE_S).raise_for_outcome()
    until(lambda: at_rest(host, client), PATIENCE_S, "everything has been sent, and reported")


def at_rest(host: Host, client: Client) -> bool:
    """True if everything that follows events knows all there is, and nothing is on its way."""
    stored = [sum(positions(node)) for node in host.nodes]
    if len(set(stored)) > 1 or not host.at_work():
        return False
    payments = page_of(host.nodes[0]).slot("worker-payments")
    followed = all(has_followed(node, stored[0]) for node in host.nodes) and payments.position == stored[0]
    return followed and client.query(Payments.coming) == 0


def has_followed(node: Node, last: int) -> bool:
    """True if all on a node that follows events has followed up to there, and sends nothing more."""
    page = page_of(node)
    ends = all(page.slot(name).position == last for name in FOLLOWERS)
    return ends and page.slot("manager-booking").outbox == 0


def page_of(node: Node) -> StatusPage:
    """The status page of a node that runs."""
    assert node.page is not None
    return node.page


def broken(client: Client, orders: list[str], report: Report) -> list[str]:
    """The rules that do not hold."""
    wrong: list[str] = []
    gone: Counter[tuple[str, str]] = Counter()
    kept = 0
    for order in orders:
        shown: OrderShown | None = client.query(Orders.order, id=order)
        if shown is None:
            wrong.append(f"{order} is lost")
            continue
        report.states[shown.state.name if not shown.reason else shown.reason] += 1
        ticketed = shown.state is State.TICKETED
        kept += shown.amount if ticketed else 0
        if shown.state not in ENDS:
            wrong.append(f"{order} is {shown.state.name} at the end")
        if shown.paid != (shown.amount if ticketed else 0):
            wrong.append(f"{order} is {shown.state.name}, and {shown.paid} fen of {shown.amount} are kept")
        for station in STATIONS:
            if ticketed and shown.board <= station < shown.alight:
                gone[shown.run, station] += len(shown.passengers)
    if (balance := client.query(Payments.balance)) != kept:
        wrong.append(f"the provider has {balance} fen, and tickets cost {kept}")
    for a, b in pairwise(STATIONS):
        for entry in client.query(SeatInventory.remaining, Journey(a, b, DAY)):
            left, expected = entry.remaining["O"], SEATS - gone[f"{entry.train}/{entry.date}", a]
            if left != expected:
                wrong.append(f"{entry.train} has {left} seats left from {a} to {b}, not {expected}")
    return wrong
