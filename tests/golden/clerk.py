"""The clerk, who plays a golden script on the railway, line by line. Lines of a script:

# anything                                            a remark
clock 2026-11-24 08:00                                the time in China, as the first line;
                                                      `opening 08:00,a=10:15` may follow it
train T1 2026-11-25: a 09:00, b 10:00 10:05, c 11:00; O 2     stops (arrival, departure), seats of a class
order A: u buys O a-c on T1 2026-11-25 for p1 p2      u: a user; p1 p2: passengers
pay A | pay A as R2 | pay A with 5.00                 money comes in, under a receipt of its own
cancel A
close T1 2026-11-25                                   the train is taken off sale
refused CODE                                          what came of the last line that asked for something
minutes 31 | clock 2026-11-25 09:00                   time passes
A is 待支付 | A is 出票失败 sold-out                    how an order stands, and why it was refused
A paid 20.00                                          less what went back, in yuan
left T1 2026-11-25 O a-c 1                            seats
u 未完成 A B                                           what is under a tab, in this order
"""

import re
from collections.abc import Callable
from datetime import datetime, timedelta

from domain_12306.messages import (
    ORDER,
    CancelOrder,
    CloseRun,
    OpenRun,
    PlaceOrder,
    ReceivePayment,
)
from domain_12306.rules.times import CHINA
from domain_12306.views.answers import Entry, Journey
from domain_12306.views.inventory import SeatInventory
from domain_12306.views.orders import Orders, OrderShown, Tab
from engine import Command
from tests.golden.stages import Opener, Stage

START = re.compile(r"clock (\S+ \S+)(?: opening (\S+))?$")


class Clerk:
    """Plays one script on a railway of its own. AssertionError: a line of it does not hold."""

    def __init__(self, script: str) -> None:
        lines = [line.split("#")[0].strip() for line in script.splitlines()]
        self._lines = [(number, line) for number, line in enumerate(lines, 1) if line]
        first = START.match(self._lines[0][1])
        assert first, "a script begins with its clock"
        self._begins, self._opening = at(first[1]), first[2] or ""
        self._stage: Stage
        self._refused = ""

    def play(self, opened: Opener) -> None:
        """All lines, from the first one, on a stage of its own."""
        with opened(self._begins, self._opening) as self._stage:
            for number, line in self._lines[1:]:
                for pattern, step in STEPS.items():
                    if found := re.fullmatch(pattern, line):
                        try:
                            step(self, *found.groups())
                        except AssertionError as error:
                            raise AssertionError(f"line {number}, {line}: {error}") from error
                        break
                else:
                    raise AssertionError(f"line {number} is none of a script: {line}")
            assert not self._refused, f"the last line was refused: {self._refused}"

    # ------------------------------------------------------------------ what is asked for

    def train(self, train: str, day: str, stops: str, seats: str) -> None:
        listed = []
        for stop in stops.split(", "):
            station, *times = stop.split(" ")
            listed.append((station, minutes(times[0]), minutes(times[-1])))
        coaches = [
            (number, code, int(count))
            for number, (code, count) in enumerate(re.findall(r"(\w) (\d+)", seats), 1)
        ]
        self._ask(OpenRun(f"{train}/{day}", composition=coaches, stops=listed))
        assert not self._refused, self._refused

    def order(
        self, order: str, user: str, code: str, journey: str, train: str, day: str, passengers: str
    ) -> None:
        entry = self._entry(train, day, journey)
        fare = entry.fares[code]
        assert fare is not None
        self._ask(
            PlaceOrder(
                ORDER + order,
                user=user,
                run=f"{train}/{day}",
                seat_class=code,
                board=entry.board,
                alight=entry.alight,
                passengers=passengers.split(" "),
                departs=entry.departs,
                arrives=entry.arrives,
                fare=fare,
            )
        )

    def pay(self, order: str, receipt: str | None = None, yuan: str | None = None) -> None:
        shown = self._shown(order)
        amount = shown.amount if yuan is None else fen(yuan)
        under = receipt or f"receipt-of-{order}"
        self._ask(ReceivePayment(ORDER + order, receipt=under, amount=amount))

    def pay_with(self, order: str, yuan: str) -> None:
        self.pay(order, None, yuan)

    def cancel(self, order: str) -> None:
        self._ask(CancelOrder(ORDER + order))

    def close(self, train: str, day: str) -> None:
        self._ask(CloseRun(f"{train}/{day}"))

    def minutes(self, number: str) -> None:
        self._stage.time_passes(timedelta(minutes=int(number)))

    def clock(self, moment: str) -> None:
        self._stage.time_passes(at(moment) - self._stage.now())

    # ------------------------------------------------------------------ what must have come of it

    def refused(self, code: str) -> None:
        assert self._refused == code, self._refused or "it was done"
        self._refused = ""

    def stands(self, order: str, state: str, reason: str | None) -> None:
        shown = self._shown(order)
        assert (shown.state, shown.reason) == (state, reason or ""), (shown.state, shown.reason)

    def paid(self, order: str, yuan: str) -> None:
        shown = self._shown(order)
        assert shown.paid == fen(yuan), shown.paid

    def left(self, train: str, day: str, code: str, journey: str, seats: str) -> None:
        entry = self._entry(train, day, journey)
        assert entry.remaining[code] == int(seats), entry.remaining

    def tab(self, user: str, tab: str, orders: str) -> None:
        shown = self._stage.query(Orders.orders_of, user=user, now=self._stage.now(), tab=Tab(tab))
        assert [one.order.removeprefix(ORDER) for one in shown] == orders.split(), shown

    # ------------------------------------------------------------------ helpers

    def _shown(self, order: str) -> OrderShown:
        shown: OrderShown | None = self._stage.query(Orders.order, id=ORDER + order)
        assert shown is not None, "there is no such order"
        return shown

    def _ask(self, command: Command) -> None:
        assert not self._refused, f"refused before: {self._refused}"
        receipt = self._stage.send(command)
        assert receipt.outcome in ("committed", "unchanged", "rejected"), receipt
        self._refused = receipt.code if receipt.outcome == "rejected" else ""
        self._stage.settle()

    def _entry(self, train: str, day: str, journey: str) -> Entry:
        board, alight = journey.split("-")
        for later in range(3):  # the day at the boarding stop may be a later one than that of the train
            seen = (datetime.fromisoformat(day) + timedelta(days=later)).date().isoformat()
            found: list[Entry] = self._stage.query(SeatInventory.remaining, Journey(board, alight, seen))
            for entry in found:
                if (entry.train, entry.date) == (train, day):
                    return entry
        raise AssertionError(f"{train} does not go from {board} to {alight}")


def at(moment: str) -> datetime:
    """A moment in China."""
    return datetime.fromisoformat(moment).replace(tzinfo=CHINA)


def minutes(clock: str) -> int:
    """Of `25:30`, which is half past one on the next day."""
    hours, rest = clock.split(":")
    return 60 * int(hours) + int(rest)


def fen(yuan: str) -> int:
    """Of an amount in yuan."""
    return round(float(yuan) * 100)


STEPS: dict[str, Callable[..., None]] = {
    r"train (\S+) (\S+): (.+); (.+)": Clerk.train,
    r"order (\S+): (\S+) buys (\w) (\S+) on (\S+) (\S+) for (.+)": Clerk.order,
    r"pay (\S+) with (\S+)": Clerk.pay_with,
    r"pay (\S+)(?: as (\S+))?": Clerk.pay,
    r"cancel (\S+)": Clerk.cancel,
    r"close (\S+) (\S+)": Clerk.close,
    r"minutes (\d+)": Clerk.minutes,
    r"clock (\S+ \S+)": Clerk.clock,
    r"refused (\S+)": Clerk.refused,
    r"(\S+) is (\S+)(?: (\S+))?": Clerk.stands,
    r"(\S+) paid (\S+)": Clerk.paid,
    r"left (\S+) (\S+) (\w) (\S+) (\d+)": Clerk.left,
    r"(\S+) (未完成|未出行|历史) ?(.*)": Clerk.tab,
}
