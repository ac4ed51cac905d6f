"""Tickets for a user, over a client of a node: search, order, pay, cancel, and what was ordered.

    with Client("./data") as client:
        tickets = Tickets(client, user="u-1")
        train = tickets.search("北京南", "上海虹桥", "2026-11-30")[0]
        order = tickets.order(train, "O", [tickets.passenger("王小明", "11010519491231002X")])
        print(tickets.pay(order.order).state)

`Tickets` waits, `AsyncTickets` is awaited. A user and passengers are tokens. Whatever was sent and not
answered in time may still happen: ask for the order, or send it again under the same name.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from domain_12306.aggregates.order import State
from domain_12306.messages import ORDER, CancelOrder, PlaceOrder, ReceivePayment, StartPayment
from domain_12306.rules.papers import Papers, identity_of, number_of
from domain_12306.views.answers import Entry, Journey, StationFound
from domain_12306.views.inventory import SeatInventory
from domain_12306.views.orders import UNFINISHED, Orders, OrderShown, Tab
from engine import AsyncClient, Client, Receipt, Rejected, Vault
from engine.base.identity import uuid7_hex

TIMEOUT_S = 10.0
ORDERED = ("user", "run", "seat_class", "board", "alight", "passengers")
UNHELD = (State.PROCESSING,)
UNPAID = (*UNHELD, State.AWAITING_PAYMENT)

Predicate = Callable[[OrderShown | None], bool]


class NoTicket(Exception):
    """An order was refused. `code`: why, as in `rules/rejections.py`; `order`: its name; empty if it was not
    even sent, because the board says that it is sold out."""

    def __init__(self, code: str, order: str = "") -> None:
        super().__init__(code)
        self.code, self.order = code, order


class NotPaid(Exception):
    """The provider of payments said no. `reason`: its word for why; `order`: it can be tried again as long as
    it waits for its money."""

    def __init__(self, reason: str, order: str) -> None:
        super().__init__(reason)
        self.reason, self.order = reason, order


class Tickets:
    """One user's tickets. The client stays the caller's."""

    def __init__(self, client: Client, user: str) -> None:
        self._client, self._user = client, user

    def passenger(self, name: str, number: str, kind: Papers = Papers.ID_CARD) -> str:
        """The token of a person, whose name and papers go to the vault and nowhere else. It is the same
        however the number was typed, until the person is forgotten. Raises BadPapers."""
        record = {"name": name, "kind": kind.value, "number": number_of(kind, number)}
        return self._client.query(Vault.put, identity=identity_of(kind, number), record=record)

    def stations(self, text: str, limit: int = 10) -> list[StationFound]:
        """The stations that a user may mean who types this: characters, pinyin or its initials."""
        return self._client.query(SeatInventory.stations, text=text, limit=limit)

    def search(
        self, board: str, alight: str, date: str, seat_class: str | None = None, *, city: bool = False
    ) -> list[Entry]:
        """The trains from one station to another on a date, with what is left and what it costs. `city`: the
        names are of cities, which means all their stations."""
        return self._client.query(SeatInventory.remaining, Journey(board, alight, date, seat_class, city))

    def order(
        self, train: Entry, seat_class: str, passengers: Sequence[str], *, order: str = ""
    ) -> OrderShown:
        """Orders tickets and waits until seats are held: then it is to be paid. `order`: a name for it, which
        begins with `order-` and by which the same can be ordered again after silence, which orders it once; a
        new one if none is given. Raises NoTicket; what `Receipt.raise_for_outcome` raises; TimeoutError."""
        command = order_of(self._user, train, seat_class, passengers, order)
        accepted(command, self._client.send(command, timeout_s=TIMEOUT_S))
        return held(self._until(command.aggregate, beyond(UNHELD)), command)

    def pay(self, order: str) -> OrderShown:
        """Has the provider of payments asked for the money, and waits for the tickets. Whether it was in
        time, the answer says. Raises NotPaid if the provider says no, and then it may be tried again; what
        `Receipt.raise_for_outcome` raises; TimeoutError, and then the money may still come."""
        command = StartPayment(order)
        receipt = self._client.send(command, timeout_s=TIMEOUT_S).raise_for_outcome()
        return paid(self._until(order, declined_or(beyond(UNFINISHED)), receipt))

    def cancel(self, order: str) -> OrderShown:
        """Gives the order up, if it is not paid. Raises what `Receipt.raise_for_outcome` raises."""
        self._client.send(CancelOrder(order), timeout_s=TIMEOUT_S).raise_for_outcome()
        return self._until(order, beyond(UNPAID))

    def show(self, order: str) -> OrderShown | None:
        """An order with its history; None if there is none."""
        return self._client.query(Orders.order, id=order)

    def orders(self, tab: Tab | None = None, *, now: datetime | None = None) -> list[OrderShown]:
        """The user's orders, under a tab or all, the newest first. `now`: an aware time, by which it is told
        whether a journey is over; the time of day if none is given, which is not what a node with a
        simulated clock shows."""
        now = now or datetime.now(UTC)
        return self._client.query(Orders.orders_of, user=self._user, now=now, tab=tab)

    def trips(self, passenger: str) -> list[OrderShown]:
        """The journeys of a passenger for which there is a ticket."""
        return self._client.query(Orders.trips_of, passenger=passenger)

    def _until(self, order: str, predicate: Predicate, after: Receipt | None = None) -> OrderShown:
        shown = self._client.until(
            Orders.order, id=order, predicate=predicate, at_least=seen(after), timeout_s=TIMEOUT_S
        )
        assert shown is not None
        return shown


class AsyncTickets:
    """The same, awaited."""

    def __init__(self, client: AsyncClient, user: str) -> None:
        self._client, self._user = client, user

    async def passenger(self, name: str, number: str, kind: Papers = Papers.ID_CARD) -> str:
        """As `Tickets.passenger`."""
        record = {"name": name, "kind": kind.value, "number": number_of(kind, number)}
        return await self._client.query(Vault.put, identity=identity_of(kind, number), record=record)

    async def stations(self, text: str, limit: int = 10) -> list[StationFound]:
        """As `Tickets.stations`."""
        return await self._client.query(SeatInventory.stations, text=text, limit=limit)

    async def search(
        self, board: str, alight: str, date: str, seat_class: str | None = None, *, city: bool = False
    ) -> list[Entry]:
        """As `Tickets.search`."""
        journey = Journey(board, alight, date, seat_class, city)
        return await self._client.query(SeatInventory.remaining, journey)

    async def order(
        self, train: Entry, seat_class: str, passengers: Sequence[str], *, order: str = ""
    ) -> OrderShown:
        """As `Tickets.order`."""
        command = order_of(self._user, train, seat_class, passengers, order)
        accepted(command, await self._client.send(command, timeout_s=TIMEOUT_S))
        return held(await self._until(command.aggregate, beyond(UNHELD)), command)

    async def pay(self, order: str) -> OrderShown:
        """As `Tickets.pay`."""
        command = StartPayment(order)
        receipt = (await self._client.send(command, timeout_s=TIMEOUT_S)).raise_for_outcome()
        return paid(await self._until(order, declined_or(beyond(UNFINISHED)), receipt))

    async def cancel(self, order: str) -> OrderShown:
        """As `Tickets.cancel`."""
        (await self._client.send(CancelOrder(order), timeout_s=TIMEOUT_S)).raise_for_outcome()
        return await self._until(order, beyond(UNPAID))

    async def show(self, order: str) -> OrderShown | None:
        """As `Tickets.show`."""
        return await self._client.query(Orders.order, id=order)

    async def orders(self, tab: Tab | None = None, *, now: datetime | None = None) -> list[OrderShown]:
        """As `Tickets.orders`."""
        now = now or datetime.now(UTC)
        return await self._client.query(Orders.orders_of, user=self._user, now=now, tab=tab)

    async def trips(self, passenger: str) -> list[OrderShown]:
        """As `Tickets.trips`."""
        return await self._client.query(Orders.trips_of, passenger=passenger)

    async def _until(self, order: str, predicate: Predicate, after: Receipt | None = None) -> OrderShown:
        shown = await self._client.until(
            Orders.order, id=order, predicate=predicate, at_least=seen(after), timeout_s=TIMEOUT_S
        )
        assert shown is not None
        return shown


def order_of(
    user: str, train: Entry, seat_class: str, passengers: Sequence[str], order: str = ""
) -> PlaceOrder:
    """The command for seats on a line of the board. Raises NoTicket if that says that there are too few,
    which spares the node the attempt."""
    fare = train.fares.get(seat_class)
    if seat_class not in train.remaining or fare is None:
        raise NoTicket("class-not-on-train")
    if train.remaining[seat_class] < len(passengers):
        raise NoTicket("sold-out")
    return PlaceOrder(
        order or ORDER + uuid7_hex(),
        user=user,
        run=f"{train.train}/{train.date}",
        seat_class=seat_class,
        board=train.board,
        alight=train.alight,
        passengers=list(passengers),
        departs=train.departs,
        arrives=train.arrives,
        fare=fare,
    )


def money_for(shown: OrderShown, receipt: str = "") -> ReceivePayment:
    """The whole amount of an order, as a provider reports it."""
    return ReceivePayment(shown.order, receipt=receipt or uuid7_hex(), amount=shown.amount)


def beyond(passing: Sequence[State]) -> Predicate:
    """Whether an order is there, and has passed these states."""
    return lambda shown: shown is not None and shown.state not in passing


def declined_or(predicate: Predicate) -> Predicate:
    """The same, or whether an order waits for another attempt to pay."""
    return lambda shown: predicate(shown) or (shown is not None and bool(shown.declined))


def accepted(command: PlaceOrder, receipt: Receipt) -> None:
    """Raises NoTicket, or what `Receipt.raise_for_outcome` raises, if an order is not placed. If it has been
    before, `held` tells."""
    try:
        receipt.raise_for_outcome()
    except Rejected:
        if receipt.code != "already-exists":
            raise NoTicket(receipt.code, command.aggregate) from None


def seen(receipt: Receipt | None) -> Receipt | None:
    """What a view must have seen, if the receipt is of anything new."""
    return receipt if receipt is not None and receipt.outcome == "committed" else None


def paid(shown: OrderShown) -> OrderShown:
    """The same order. Raises NotPaid if the provider said no."""
    if shown.declined and shown.state in UNFINISHED:
        raise NotPaid(shown.declined, shown.order)
    return shown


def held(shown: OrderShown, command: PlaceOrder) -> OrderShown:
    """The same order. Raises NoTicket if it was refused, or is not of this command but has its name."""
    if any(getattr(shown, name) != getattr(command, name) for name in ORDERED):
        raise NoTicket("already-exists", shown.order)
    if shown.state == State.REFUSED:
        raise NoTicket(shown.reason, shown.order)
    return shown
