"""An application message for the world outside, and a sink that acts on each once, however often it arrives.

    ringfold serve --app examples.sink:app --data ./shop-data
    python -m examples.sink ./shop-data ./letters.sqlite          another process, on the same machine

The receipt is stored together with the order, so none is forgotten. The sink may be killed at any moment. If
that happens between writing a letter and acknowledging it, it gets the receipt again under the same id, and
the id is the key of the letter.
"""

import contextlib
import os
import sqlite3
import sys

from engine import (
    Aggregate,
    ApplicationMessage,
    Command,
    Delivery,
    Engine,
    Event,
    Subscriber,
    applies,
    handles,
)

app = Engine("shop")
"""What `--app examples.sink:app` names."""


class PlaceOrder(Command, name="order.place"):
    """Orders something."""

    buyer: str
    cents: int


class OrderPlaced(Event, name="order.placed"):
    """There is an order."""

    buyer: str
    cents: int


@app.message
class ReceiptIssued(ApplicationMessage, name="receipt.issued"):
    """The buyer is to get a receipt. It changes no aggregate; it is meant for a program outside."""

    buyer: str
    text: str


@app.aggregate
class Order(Aggregate):
    """One order."""

    @handles(PlaceOrder, exists="must-not")
    def place(self, command: PlaceOrder) -> list[Event]:
        """The event and the message are one stream entry."""
        text = f"{self.id}: {command.cents / 100:.2f}"
        return [
            OrderPlaced(buyer=command.buyer, cents=command.cents),
            ReceiptIssued(buyer=command.buyer, text=text),
        ]

    @applies(OrderPlaced)
    def _placed(self, event: OrderPlaced) -> None:
        self.buyer, self.cents = event.buyer, event.cents


class Letters:
    """The effect: a table of letters to be posted. A real sink would pass the id to the service that posts
    them."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._base = sqlite3.connect(path)
        self._base.execute("create table if not exists letters (id text primary key, buyer text, text text)")

    def write(self, messages: list[Delivery]) -> None:
        """Writes all letters or none; a letter that exists already stays as it is."""
        rows = [(message.id, message.event.buyer, message.event.text) for message in messages]
        with self._base:
            self._base.executemany("insert or ignore into letters values (?, ?, ?)", rows)

    def close(self) -> None:
        """Closes the file."""
        self._base.close()


def main(data: str, path: str) -> None:
    """Writes letters until it is stopped; first the effect, then the acknowledgement."""
    letters = Letters(path)
    with Subscriber(data, "letters", [ReceiptIssued], app=app) as subscriber:
        while True:
            messages = subscriber.take(timeout_s=1.0)
            if messages:
                letters.write(messages)
                subscriber.ack()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main(*sys.argv[1:])
