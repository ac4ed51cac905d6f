"""One client process of the demo: sells at a pace, then as fast as answers come, and remembers every answer.

    calm   orders leave when a clock says so, whatever the node does: latency counts from the planned time
    rush   a bounded number in flight, the next leaves for each answer: throughput, latency in a queue

Of the orders that get seats, seven in ten are paid, one in ten is given back, the rest stays held. One in
a hundred commands is sent a second time under its id: the answer must be the first one.
"""

import random
import time
from array import array
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count, islice
from multiprocessing.connection import Connection

from domain_12306.app import reference_data
from domain_12306.messages import ConfirmOrder, ReleaseOrder, ReserveSeats
from domain_12306.workload.demand import Demand
from engine import Client, Command, Receipt, Ticket
from engine.node.endpoints import Endpoints

CALM, RUSH = 0, 1
IN_FLIGHT = 300  # per client in the rush: more would only wait longer in the queue
PAID, GIVEN_BACK, AGAIN = 0.7, 0.1, 0.01
BATCH = 1_000_000  # never full, so that commands leave, and answers come in, only where `pump` is called
TELL_S = 0.1
ANSWER_S = 30.0


@dataclass(frozen=True)
class Plan:
    """The task of a seller. `pace`: orders a second while it is calm. `seed`: of the wishes."""

    number: int
    sellers: int
    endpoints: Endpoints
    app_settings: dict[str, str]
    trains: int | None
    date: str
    seed: int
    calm_s: float
    rush_s: float
    pace: float


@dataclass
class Tally:
    """The counts so far, reported while it runs for the progress line."""

    orders: int = 0
    tickets: int = 0
    sold_out: int = 0


@dataclass
class Account:
    """The final report of a seller. `answers`: id → (outcome, version, partition, position)."""

    answers: dict[str, tuple[str, int, int, int]] = field(default_factory=dict)
    outcomes: Counter[str] = field(default_factory=Counter)
    codes: Counter[str] = field(default_factory=Counter)
    asked_again: int = 0
    broken: list[str] = field(default_factory=list)
    latencies_s: tuple["array[float]", "array[float]"] = field(
        default_factory=lambda: (array("d"), array("d"))
    )
    rush_answers: int = 0
    rush_seconds: float = 0.0
    tally: Tally = field(default_factory=Tally)


def main(plan: Plan, pipe: Connection) -> None:
    """The process: it waits for the start, reports its tally now and then, and ends with its account."""
    data = reference_data(plan.app_settings)
    trains = list(data.timetable.trains)[: plan.trains]
    demand = Demand(data.timetable, data.compositions, [plan.date], plan.seed, trains)
    with Client(plan.endpoints, batch=BATCH, linger_s=ANSWER_S) as client:
        seller = Seller(plan, demand, client, pipe)
        pipe.send(None)
        pipe.recv()
        seller.calm()
        seller.rush()
    pipe.send(seller.account)


class Seller:
    """One client and what it has in flight."""

    def __init__(self, plan: Plan, demand: Demand, client: Client, pipe: Connection) -> None:
        self.account = Account()
        self._plan, self._client, self._pipe = plan, client, pipe
        self._random = random.Random(f"{plan.seed}/{plan.number}")
        self._orders = _orders(plan, demand)
        self._next: deque[Command] = deque()  # what follows from answers
        self._flying = 0
        self._phase = CALM
        self._tell_at = 0.0

    def calm(self) -> None:
        """Orders leave by the clock."""
        self._phase = CALM
        gap_s = 1.0 / self._plan.pace
        due = time.monotonic() + gap_s * self._plan.number / self._plan.sellers
        end = time.monotonic() + self._plan.calm_s
        while due < end:
            now = time.monotonic()
            while due <= now and due < end:
                self._submit(self._next.popleft() if self._next else next(self._orders), due)
                due += gap_s
            self._pump(max(0.0, due - time.monotonic()))
        self._drain()

    def rush(self) -> None:
        """An order leaves for each answer."""
        self._phase = RUSH
        started = time.monotonic()
        end = started + self._plan.rush_s
        while (now := time.monotonic()) < end:
            while self._flying < IN_FLIGHT:
                self._submit(self._next.popleft() if self._next else next(self._orders), now)
            self._pump(end - now)
        self._drain()
        self.account.rush_seconds = time.monotonic() - started
        self.account.rush_answers = len(self.account.latencies_s[RUSH])

    def _submit(self, command: Command, planned_at: float) -> None:
        ticket = self._client.submit(command, timeout_s=ANSWER_S)
        ticket.done = command, planned_at
        self._flying += 1

    def _drain(self) -> None:
        while self._flying:
            self._pump(1.0)
        self._tell()

    def _pump(self, timeout_s: float) -> None:
        for ticket in self._client.pump(min(timeout_s, TELL_S)):
            self._flying -= 1
            self._settle(ticket)
        if time.monotonic() >= self._tell_at:
            self._tell()

    def _settle(self, ticket: Ticket) -> None:
        account = self.account
        (command, planned_at), receipt = ticket.done, ticket.receipt
        assert receipt is not None
        account.latencies_s[self._phase].append(time.monotonic() - planned_at)
        answer = receipt.outcome, receipt.version, receipt.partition, receipt.position
        before = account.answers.get(receipt.id)
        if before is not None:
            account.asked_again += 1
            if before != answer:
                account.broken.append(f"command {receipt.id} was answered {before} and then {answer}")
            return
        account.answers[receipt.id] = answer
        account.outcomes[receipt.outcome] += 1
        if receipt.outcome != "committed":
            account.codes[receipt.code or receipt.message] += 1
        if self._random.random() < AGAIN:
            self._next.append(command)
        if isinstance(command, ReserveSeats):
            self._ordered(command, receipt)

    def _ordered(self, command: ReserveSeats, receipt: Receipt) -> None:
        tally = self.account.tally
        tally.orders += 1
        if receipt.outcome == "committed":
            tally.tickets += len(command.passengers)
            kind = self._random.random()
            if kind < PAID:
                self._next.append(ConfirmOrder(command.aggregate, order=command.order))
            elif kind < PAID + GIVEN_BACK:
                self._next.append(ReleaseOrder(command.aggregate, order=command.order))
        elif receipt.code == "sold-out":
            tally.sold_out += 1

    def _tell(self) -> None:
        self._pipe.send(self.account.tally)
        self._tell_at = time.monotonic() + TELL_S


def _orders(plan: Plan, demand: Demand) -> Iterator[ReserveSeats]:
    """All sellers draw from the same stream of wishes, each its share: so all feel the same long tail."""
    wishes = (demand.draw() for _ in count())
    for number, wish in enumerate(islice(wishes, plan.number, None, plan.sellers)):
        yield wish.command(f"{plan.number}-{number}")
