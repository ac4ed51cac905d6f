"""The rules of the sale as a pure check of a history, written without a look at the aggregates.

of every article   free + held + sold = put on sale, and none of them is below zero
of every order     each status follows from the one before; nothing is processing at the end
of every pair      sold ⇔ completed; a payment is kept ⇔ its order is completed; an order that expired had
                   its whole time to pay; nothing is held at the end
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

FOLLOWS = {
    "placed": {""},
    "reserved": {"placed"},
    "paid": {"reserved"},
    "completed": {"paid"},
    "rejected": {"placed", "paid"},
    "cancelled": {"placed", "reserved"},
    "expired": {"reserved"},
}
ENDS = ("completed", "rejected", "cancelled", "expired")


class Sale:
    """A history, folded. `broken`: each broken rule as a sentence."""

    def __init__(self, history: Iterable[Any] = ()) -> None:
        self.broken: list[str] = []
        self.units: dict[str, Counter[str]] = {}  # article → where its units are
        self.orders: dict[str, str] = {}  # order → status
        self.held: dict[str, int] = {}  # order → units
        self.sold: Counter[str] = Counter()  # order → units
        self.kept: Counter[str] = Counter()  # order → payments received and not sent back
        self.refunds = 0
        self._pay_by: dict[str, datetime] = {}
        self._costs: dict[str, bool] = {}
        for commit in history:
            self.take(commit)

    def take(self, commit: Any) -> None:
        """A commit with its events as dictionaries. Those of one aggregate must come in order."""
        for event in commit.events:
            kind, _, what = event["type"].partition(".")
            {"article": self._article, "order": self._order, "payment": self._payment}[kind](
                commit, what, event
            )

    def statuses(self) -> Counter[str]:
        """The number of orders by status."""
        return Counter(self.orders.values())

    def at_the_end(self) -> Iterator[str]:
        """Rules that hold once nothing is going on any more."""
        for order, status in self.orders.items():
            if status not in ENDS:
                yield f"at the end {order} is {status}"
            if (status == "completed") != bool(self.sold[order]):
                yield f"{order} is {status}, and got {self.sold[order]} units"
            expected = status == "completed" and self._costs.get(order, False)
            if self.kept[order] != expected:
                yield f"{order} is {status}, and {self.kept[order]} payments are kept"
        for order, units in self.held.items():
            yield f"at the end {units} units are held for {order}"

    def _article(self, commit: Any, what: str, event: dict[str, Any]) -> None:
        article = commit.aggregate
        if what == "went-on-sale":
            self.units[article] = Counter(free=event["units"])
            return
        source, target = {
            "units-reserved": ("free", "held"),
            "units-released": ("held", "free"),
            "units-sold": ("held", "sold"),
        }[what]
        units, order, now = event["units"], event["order"], self.units[article]
        now[source] -= units
        now[target] += units
        if now[source] < 0:
            self._say(commit, what, f"{now}")
        if what == "units-reserved":
            self.held[order] = self.held.get(order, 0) + units
        elif self.held.pop(order, 0) != units:
            self._say(commit, what, f"{units} units were not held for {order}")
        if what == "units-sold":
            self.sold[order] += units

    def _order(self, commit: Any, what: str, event: dict[str, Any]) -> None:
        order = commit.aggregate
        before = self.orders.get(order, "")
        if before not in FOLLOWS[what]:
            self._say(commit, what, f"it was {before}")
        if what == "reserved":
            self._pay_by[order] = datetime.fromisoformat(event["pay_by"])
            self._costs[order] = event["amount"] > 0
        if what == "expired" and commit.time < self._pay_by[order]:
            self._say(commit, what, "too early")
        self.orders[order] = what

    def _payment(self, commit: Any, what: str, event: dict[str, Any]) -> None:
        order = event["order"]
        if what == "received":
            self.kept[order] += 1
        elif what == "refunded":
            self.kept[order] -= 1
            self.refunds += 1
        if self.kept[order] not in (0, 1):
            self._say(commit, what, f"{self.kept[order]} payments are kept for {order}")

    def _say(self, commit: Any, what: str, why: str) -> None:
        self.broken.append(f"at sequence {commit.sequence}, {what} of {commit.aggregate}: {why}")
