"""A whole application: messages, an aggregate that decides and applies, and a view.

ringfold serve --app examples.stock:app --data ./stock-data
python -m examples.stock ./stock-data
"""

import sys

import msgspec

from engine import (
    Aggregate,
    Client,
    Command,
    Commit,
    Engine,
    Event,
    Projection,
    Rejection,
    Table,
    applies,
    handles,
    on,
    query,
    reject,
)

app = Engine("stock")
FULL = 100


class Take(Command, name="stock.take", rejects=("sold-out",)):
    """Takes units of an article, if enough are left."""

    count: int


class Taken(Event, name="stock.taken"):
    """Units were taken."""

    count: int


@app.aggregate
class Stock(Aggregate):
    """One article."""

    def __init__(self, id: str) -> None:
        super().__init__(id)
        self.left = FULL

    @handles(Take, exists="may")
    def take(self, command: Take) -> Taken | Rejection:
        """Decides. It is pure and changes nothing."""
        if not 0 < command.count <= self.left:
            return reject("sold-out", f"only {self.left} left of {self.id}")
        return Taken(count=command.count)

    @applies(Taken)
    def _taken(self, event: Taken) -> None:
        """Changes the state, which nothing else does."""
        self.left -= event.count


class Row(msgspec.Struct):
    """What is left of an article."""

    left: int


@app.projection("shelf", version=1)
class Shelf(Projection):
    """How much is left of each article that something was taken of."""

    @on(Taken)
    def taken(self, event: Taken, commit: Commit, view: Table[Row]) -> None:
        view[commit.aggregate] = Row(self.left(view, commit.aggregate) - event.count)

    @query
    def left(self, view: Table[Row], article: str) -> int:
        row = view.get(article)
        return FULL if row is None else row.left


def main(data: str) -> None:
    """A client: takes two apples and asks what is left."""
    with Client(data) as client:
        receipt = client.send(Take("apples", count=2))
        print(receipt.outcome, receipt.message)
        print("left:", client.query(Shelf.left, article="apples", at_least=receipt))


if __name__ == "__main__":
    main(sys.argv[1])
