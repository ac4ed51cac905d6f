"""The big sale: many buyers of every kind for few units, while every part of its host is killed.

    arrive   in waves, as long as there are kills to come; each buyer orders one unit
    pay      most do, some after a while; some never; some after their time; some cancel instead
    return   buyers who were told that it is sold out come again, as long as there are units left
    end      no order is open, and every unit is sold: then the history is audited
"""

import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import Any

from engine import Client, Command
from examples.flash_sale.audit import ENDS, Sale
from examples.flash_sale.messages import CancelOrder, Pay, PlaceOrder, PutOnSale, payment_of
from tests.examples.following import History
from tests.examples.hosts import Host
from tests.examples.killer import Killer

APP = "examples.flash_sale:app"
ARTICLE = "guitar"
SETTINGS = {"segment_bytes": "4MiB", "max_message_bytes": "256KiB", "checkpoint_ms": 100}
KINDS = {"pays": 0.66, "never-pays": 0.2, "pays-late": 0.07, "cancels": 0.07}
WAVE = 50
COMMAND_S = 60.0  # a command is sent again for so long
PATIENCE_S = 180.0  # from the last kill to the end


@dataclass
class Report:
    """What happened, and every broken rule."""

    seed: int
    seconds: float = 0.0
    killed: Counter[str] = field(default_factory=Counter)
    statuses: Counter[str] = field(default_factory=Counter)
    answers: Counter[str] = field(default_factory=Counter)
    units: dict[str, int] = field(default_factory=dict)
    unpaid: int = 0  # orders that held a unit and whose buyer never pays
    refunds: int = 0
    broken: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        killed = ", ".join(f"{name} {count}" for name, count in sorted(self.killed.items()))
        orders = ", ".join(f"{count} {name}" for name, count in self.statuses.most_common())
        return (
            f"seed {self.seed}, {self.seconds:.0f} s: {self.statuses.total()} orders ({orders}); "
            f"units {self.units}; {self.unpaid} never paid, {self.refunds} paid too late and refunded; "
            f"{self.killed.total()} kills ({killed}); {len(self.broken)} broken rules"
        )


class Crowd:
    """All buyers. Follows the history as a shop's notifications would tell them, and acts."""

    def __init__(
        self,
        client: Client,
        history: History,
        draw: random.Random,
        *,
        buyers: int,
        units: int,
        slowness_s: float,
    ) -> None:
        """`slowness_s`: how long a buyer takes at most."""
        self._slowness_s = slowness_s
        self.sale = Sale()
        self.report = Report(0)
        self._client, self._history, self._draw, self._units = client, history, draw, units
        self._coming = [f"order-{number}" for number in range(buyers)]
        self._sold_out: list[str] = []
        self._kinds: dict[str, str] = {}
        self._later: list[tuple[float, int, Command]] = []  # what buyers do after a while
        self._pending = 0
        self._acted = 0

    @property
    def everybody_came(self) -> bool:
        """True if every buyer has ordered at least once."""
        return not self._coming

    def arrive(self, count: int) -> None:
        """So many more buyers order, some of them twice."""
        for _ in range(min(count, len(self._coming))):
            order = self._coming.pop()
            self._kinds[order] = self._draw.choices(list(KINDS), list(KINDS.values()))[0]
            command = PlaceOrder(order, article=ARTICLE)
            self._do(command)
            if self._draw.random() < 0.05:
                self._do(command)

    def turn(self) -> None:
        """Hears what is new, does what is due."""
        for commit in self._history.new():
            self.sale.take(commit)
            for event in commit.events:
                self._hear(commit.aggregate, event)
        while self._later and self._later[0][0] <= time.monotonic():
            self._do(heappop(self._later)[2])
        for ticket in self._client.pump(0.01):
            self._pending -= 1
            assert ticket.receipt is not None
            answer = ticket.receipt
            self.report.answers[answer.code or answer.outcome] += 1
            if answer.outcome in ("unknown", "busy"):
                self.report.broken.append(f"no answer within {COMMAND_S} s: {answer}")

    def over(self) -> bool:
        """True if nothing is open and all is sold. Calls those back who came too late while there is more."""
        if self._pending or self._later or self._coming:
            return False
        if any(status not in ENDS for status in self.sale.orders.values()) or self.sale.held:
            return False
        missing = self._units - self.sale.units[ARTICLE]["sold"]
        for order in self._sold_out[: 2 * missing]:
            self._coming.append(f"{order}-again")
        del self._sold_out[: 2 * missing]
        return missing == 0 and not any(self.sale.at_the_end())

    def finish(self) -> Report:
        """The report on a sale that is over."""
        report, sale = self.report, self.sale
        report.statuses, report.units = sale.statuses(), dict(sale.units[ARTICLE])
        report.refunds = sale.refunds
        report.broken += [*sale.broken, *sale.at_the_end()]
        if sale.units[ARTICLE] != Counter(free=0, held=0, sold=self._units):
            report.broken.append(f"of {self._units} units: {report.units}")
        for order, kind in self._kinds.items():
            status = sale.orders.get(order, "unknown")
            if kind == "never-pays" and status != "rejected":
                report.unpaid += 1
                if status != "expired":
                    report.broken.append(f"{order} was never paid, and is {status}")
            elif kind == "pays-late" and status not in ("rejected", "expired"):
                report.broken.append(f"{order} was paid late, and is {status}")
            elif status not in ENDS:
                report.broken.append(f"{order} is {status}")
        return report

    def _hear(self, aggregate: str, event: dict[str, Any]) -> None:
        kind = event["type"]
        if kind == "payment.requested":
            order = event["order"]
            buyer = self._kinds[order]
            if buyer == "pays":
                self._do_later(self._draw.choice((0.0, 0.0, self._draw.random())), Pay(aggregate))
            elif buyer == "cancels":
                self._do_later(self._draw.random(), CancelOrder(order))
        elif kind == "order.expired" and self._kinds[aggregate] == "pays-late":
            self._do_later(0.0, Pay(payment_of(aggregate)))
        elif kind == "order.rejected":
            self._sold_out.append(aggregate)

    def _do_later(self, slowness: float, command: Command) -> None:
        self._acted += 1
        heappush(self._later, (time.monotonic() + slowness * self._slowness_s, self._acted, command))

    def _do(self, command: Command) -> None:
        self._pending += 1
        self._client.submit(command, timeout_s=COMMAND_S)


def run(
    host: Host,
    *,
    buyers: int,
    units: int,
    kills_each: int,
    seed: int,
    pay_within_s: float = 4.0,
    tell: Callable[[str], None] = lambda text: None,
) -> Report:
    """One sale, to its end."""
    draw = random.Random(seed)
    began = time.monotonic()
    with host, Client(host.gates) as client:
        assert client.send(PutOnSale(ARTICLE, units=units, price=99_00, pay_within_s=pay_within_s)).ok
        history = History(host.data, host.partitions)
        crowd = Crowd(client, history, draw, buyers=buyers, units=units, slowness_s=pay_within_s / 4)
        killer = host.killer(kills_each, seed)
        waves = max(1, killer.left)
        killer.start()
        try:
            _sell(crowd, killer, buyers // waves + 1, tell)
        finally:
            killer.stop()
        report = crowd.finish()
        _look_at_view(client, history, report)
        history.close()
        report.broken += host.stop()
    report.seed, report.seconds = seed, time.monotonic() - began
    report.killed = Counter(killer.killed)
    return report


def _sell(crowd: Crowd, killer: Killer, wave: int, tell: Callable[[str], None]) -> None:
    """Buyers arrive a wave a kill, so that the sale lasts as long as the kills do."""
    seen = killer.left + 1
    give_up_at = time.monotonic() + PATIENCE_S
    while killer.is_alive() or not crowd.over():
        if killer.is_alive():
            give_up_at = time.monotonic() + PATIENCE_S
            crowd.arrive(wave if killer.left < seen else 0)
            seen = killer.left
        else:
            crowd.arrive(WAVE)
        crowd.turn()
        tell(f"{killer.left} kills to come; {dict(crowd.sale.statuses())}")
        if time.monotonic() > give_up_at:
            crowd.report.broken.append(f"the sale does not end within {PATIENCE_S:.0f} s")
            return


def _look_at_view(client: Client, history: History, report: Report) -> None:
    """The view has seen all of it and agrees."""
    for partition, position in enumerate(history.positions):
        client.query("shop", "positions", at_least=(partition, position), timeout_s=30)
    shown = Counter(client.query("shop", "totals"))
    if shown != report.statuses:
        report.broken.append(f"the view shows {shown}, the history {report.statuses}")
