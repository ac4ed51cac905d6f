"""Whole orders, as a passenger has them: found, ordered, paid, ticketed; cancelled; refused; expired.

People are in the vault. What goes along with an order is their tokens.
"""

from collections.abc import Sequence
from datetime import timedelta

from domain_12306.aggregates.order import State
from domain_12306.demo.board import ENGLISH
from domain_12306.demo.checks import Finding
from domain_12306.demo.screen import block, say, table
from domain_12306.rules.times import CHINA
from domain_12306.tickets import NoTicket, Tickets
from domain_12306.views.answers import Entry
from domain_12306.views.orders import OrderShown
from domain_12306.workers.payments import Payments
from engine import Client, Node, Vault
from engine.base.errors import Fault

PEOPLE = (
    ("张伟", "999999198503121010"),
    ("王芳", "999999199207236424"),
    ("李娜", "999999197901153849"),
    ("陈静", "99999920000101432x"),
)
"""Of no district that there is, so of no one"""
ENDS = (State.TICKETED, State.TICKETED, State.CANCELLED, State.REFUSED, State.EXPIRED)
LONGER_THAN_TO_PAY = timedelta(minutes=31)
WATCHED_S = 10.0


def show(node: Node, client: Client, board: str, alight: str, date: str) -> Finding:
    """Five orders on a journey, told as they go; what has come of them is checked."""
    tickets = Tickets(client, user="u-1")
    tokens = [tickets.passenger(name, number) for name, number in PEOPLE]
    names = {token: (client.query(Vault.get, token=token) or {})["name"] for token in tokens}
    zhang, wang, li, chen = tokens
    trains = [entry for entry in tickets.search(board, alight, date) if seat_class_of(entry)]
    if not trains:
        raise Fault("no train of the demo has a seat left", board=board, alight=alight, date=date)
    first, last = trains[0], trains[-1]
    say("orders", f"{len(trains)} trains from {board} to {alight} on {date}; a user orders for four people")

    def order(train: Entry, *passengers: str) -> str:
        return tickets.order(train, seat_class_of(train), passengers).order

    alone, together, given_up = order(first, zhang), order(last, wang, li), order(last, chen)
    tickets.pay(alone)
    tickets.pay(together)
    tickets.cancel(given_up)
    try:
        refused = order(first, zhang)  # on the train on which Zhang is already
    except NoTicket as error:
        refused = error.order
    forgotten = order(last, chen)
    names_of = [alone, together, given_up, refused, forgotten]
    block(draw(_shown(tickets, names_of), names))
    say("", f"{LONGER_THAN_TO_PAY.seconds // 60} minutes later, by a clock that is moved")
    node.time_passes(LONGER_THAN_TO_PAY)
    client.until("orders", "order", {"id": forgotten}, predicate=_is_over, timeout_s=WATCHED_S)
    shown = _shown(tickets, names_of)
    block(draw(shown[-1:], names))
    finding = Finding("an order ends as its user was told", f"{len(shown)} orders, {len(tokens)} people", [])
    for one, end in zip(shown, ENDS, strict=True):
        if one.state != end:
            finding.broken.append(f"{one.order} is {one.state}, not {end}")
    kept, balance = sum(one.paid for one in shown), client.query(Payments.balance)
    cost = sum(one.amount for one in shown if one.state is State.TICKETED)
    if not kept == balance == cost:
        finding.broken.append(f"tickets cost {cost} fen, {kept} were paid, the provider has {balance}")
    return finding


def seat_class_of(entry: Entry) -> str:
    """The cheapest class of which two seats are left; empty if there is none."""
    fares = {
        code: fare for code, fare in entry.fares.items() if fare is not None and entry.remaining[code] >= 2
    }
    return min(fares, key=lambda code: (fares[code], code), default="")


def draw(shown: Sequence[OrderShown], names: dict[str, str]) -> list[str]:
    """Orders as lines of a table, each with its history."""
    rows = [["passengers", "train", "class", "yuan", "how it went"]]
    for one in shown:
        steps = [f"{state} {since.astimezone(CHINA):%H:%M:%S}" for state, since in one.history]
        why = f" ({one.reason})" if one.reason else ""
        rows.append(
            [
                ", ".join(names.get(token, token) for token in one.passengers),
                one.run,
                ENGLISH.get(one.seat_class, one.seat_class),
                f"{one.amount / 100:,.2f}",
                " → ".join(steps) + why,
            ]
        )
    return table(rows, left=5)


def _shown(tickets: Tickets, orders: Sequence[str]) -> list[OrderShown]:
    found = [tickets.show(order) for order in orders]
    return [one for one in found if one is not None]


def _is_over(shown: dict[str, object]) -> bool:
    return shown["state"] == State.EXPIRED
