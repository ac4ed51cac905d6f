"""The audit of one run's history against the rules: a pure function of its events, slow and simple on
purpose.

It shares no code with the aggregate or the view, so it does not repeat an error made there.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from domain_12306.messages import OrderConfirmed, RunOpened, SeatsHeld, SeatsReleased, SeatsReserved
from engine import Event


@dataclass
class ClassAudit:
    """Seats held (reserved), sold (confirmed) and free on each segment of a run. Their sum is `capacity`."""

    capacity: int
    held: list[int]
    sold: list[int]
    free: list[int]


@dataclass
class Audit:
    """The result of an audit. `broken`: what is wrong, in words; empty if all is well."""

    broken: list[str] = field(default_factory=list)
    classes: dict[str, ClassAudit] = field(default_factory=dict)
    orders: int = 0


@dataclass
class _Order:
    seat_class: str
    board: int
    alight: int
    seats: list[int]
    confirmed: bool = False


def audit(events: Iterable[Event]) -> Audit:
    """Audits the events of one run, given in version order, `RunOpened` first.

    Checked: no seat is sold twice on a segment; each gap in an event is the seat's whole free gap around
    the journey; only live orders are confirmed or released, with just the seats that they have; and
    held + sold + free = capacity on every segment.
    """
    result = Audit()
    broken = result.broken
    segments = 0
    capacity: dict[str, int] = {}
    owners: dict[tuple[str, int], list[str]] = {}  # (class, seat) → order that has it, by segment; "": free
    orders: dict[str, _Order] = {}

    def check_gap(code: str, seat: int, i: int, j: int, gap: tuple[int, int], what: str) -> None:
        row = owners.get((code, seat), [""] * segments)
        start, end = i, j
        while start > 0 and not row[start - 1]:
            start -= 1
        while end < segments and not row[end]:
            end += 1
        if gap != (start, end):
            broken.append(f"{what}: seat {code}{seat} has the gap {start}..{end}, the event says {gap}")

    for event in events:
        match event:
            case RunOpened():
                if segments:
                    broken.append("the run was opened twice")
                segments = len(event.stops) - 1
                for _, code, seats in event.coaches:
                    capacity[code] = capacity.get(code, 0) + seats
            case SeatsReserved():
                code, i, j, order = event.seat_class, event.board, event.alight, event.order
                numbers = [seat for seat, _, _ in event.seats]
                if not 0 <= i < j <= segments:
                    broken.append(f"order {order} goes from {i} to {j}")
                    continue
                if order in orders:
                    broken.append(f"order {order} was reserved twice")
                if not 1 <= len(event.passengers) <= 5 or len(numbers) != len(event.passengers):
                    broken.append(f"order {order}: {len(event.passengers)} passengers, {len(numbers)} seats")
                orders[order] = _Order(code, i, j, numbers)
                for seat, start, end in event.seats:
                    if not 0 <= seat < capacity.get(code, 0):
                        broken.append(f"order {order} has seat {code}{seat}, which is none")
                    check_gap(code, seat, i, j, (start, end), f"order {order}")
                    row = owners.setdefault((code, seat), [""] * segments)
                    for segment in range(i, j):
                        if row[segment]:
                            broken.append(
                                f"seat {code}{seat} on segment {segment}: sold to {row[segment]} and {order}"
                            )
                        row[segment] = order
            case SeatsHeld():
                if event.order not in orders:
                    broken.append(f"order {event.order} is held, and has no seats")
            case OrderConfirmed():
                if event.order not in orders or orders[event.order].confirmed:
                    broken.append(f"order {event.order} was confirmed without being held")
                else:
                    orders[event.order].confirmed = True
            case SeatsReleased():
                had = orders.pop(event.order, None)
                says = _Order(
                    event.seat_class, event.board, event.alight, [seat for seat, _, _ in event.seats]
                )
                if had is None or (had.seat_class, had.board, had.alight, had.seats) != (
                    says.seat_class, says.board, says.alight, says.seats
                ):  # fmt: skip
                    broken.append(f"order {event.order} gave back what it did not have: {says}")
                    continue
                for seat, start, end in event.seats:
                    row = owners[says.seat_class, seat]
                    row[says.board : says.alight] = [""] * (says.alight - says.board)
                    gap = (start, end)
                    check_gap(
                        says.seat_class, seat, says.board, says.alight, gap, f"release of {event.order}"
                    )
            case _:
                broken.append(f"{type(event).__name__} is no event of a run")

    result.orders = len(orders)
    for code, seats in capacity.items():
        result.classes[code] = _count(code, seats, segments, owners, orders, broken)
    return result


def _count(
    code: str,
    capacity: int,
    segments: int,
    owners: dict[tuple[str, int], list[str]],
    orders: dict[str, _Order],
    broken: list[str],
) -> ClassAudit:
    """Counts held and sold seats from the orders and free ones from the seats; the sum must be the
    capacity."""
    count = ClassAudit(capacity, [0] * segments, [0] * segments, [0] * segments)
    for order in orders.values():
        if order.seat_class == code:
            column = count.sold if order.confirmed else count.held
            for segment in range(order.board, order.alight):
                column[segment] += len(order.seats)
    rows = [row for (of_class, _), row in owners.items() if of_class == code]
    for segment in range(segments):
        taken = len([row for row in rows if row[segment]])
        count.free[segment] = capacity - taken
        if count.held[segment] + count.sold[segment] + count.free[segment] != capacity:
            broken.append(
                f"class {code}, segment {segment}: {count.held[segment]} held, {count.sold[segment]} sold,"
                f" {count.free[segment]} free of {capacity}"
            )
    return count
