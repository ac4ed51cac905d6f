"""An article: its units are free, held for an order, or sold. The one place that could sell too many."""

from datetime import timedelta

from engine import Aggregate, Rejection, Stamp, applies, handles, reject
from examples.flash_sale.messages import (
    PutOnSale,
    Release,
    Reserve,
    Sell,
    UnitsReleased,
    UnitsReserved,
    UnitsSold,
    WentOnSale,
)


class Article(Aggregate):
    """One article."""

    def __init__(self, id: str) -> None:
        super().__init__(id)
        self.free = 0
        self.price = 0
        self.pay_within_s = 0.0
        self.held: dict[str, int] = {}  # order → units

    @handles(PutOnSale, exists="must-not")
    def put_on_sale(self, command: PutOnSale) -> WentOnSale | Rejection:
        if command.units < 1 or command.price < 0 or not command.pay_within_s > 0:
            return reject("bad-sale", "at least one unit, no price below 0, some time to pay")
        return WentOnSale(units=command.units, price=command.price, pay_within_s=command.pay_within_s)

    @handles(Reserve)
    def reserve(self, command: Reserve, stamp: Stamp) -> UnitsReserved | Rejection:
        if command.order in self.held:
            return reject("held-already", f"{command.order} has units of {self.id}")
        if not 0 < command.units <= self.free:
            return reject("sold-out", f"{self.free} left of {self.id}")
        return UnitsReserved(
            order=command.order,
            units=command.units,
            amount=command.units * self.price,
            pay_by=stamp.now + timedelta(seconds=self.pay_within_s),
        )

    @handles(Release)
    def release(self, command: Release) -> UnitsReleased | None:
        units = self.held.get(command.order)
        return UnitsReleased(order=command.order, units=units) if units else None

    @handles(Sell)
    def sell(self, command: Sell) -> UnitsSold | Rejection:
        units = self.held.get(command.order)
        if not units:
            return reject("not-held", f"nothing of {self.id} is held for {command.order}")
        return UnitsSold(order=command.order, units=units)

    @applies(WentOnSale)
    def _went_on_sale(self, event: WentOnSale) -> None:
        self.free, self.price, self.pay_within_s = event.units, event.price, event.pay_within_s

    @applies(UnitsReserved)
    def _units_reserved(self, event: UnitsReserved) -> None:
        self.free -= event.units
        self.held[event.order] = event.units

    @applies(UnitsReleased)
    def _units_released(self, event: UnitsReleased) -> None:
        self.free += self.held.pop(event.order)

    @applies(UnitsSold)
    def _units_sold(self, event: UnitsSold) -> None:
        del self.held[event.order]
