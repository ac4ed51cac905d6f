"""A whole application: messages, an aggregate that decides and applies, and a view.

python -m engine serve --app examples.stock:app --data ./stock-data
python -m examples.stock ./stock-data
"""

import sys
from collections.abc import Iterable

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
    Stamp,
    applies,
    handles,
    on,
    query,
    reject,
)

app = Engine("stock")
FULL = 100


class Take(Command, name="stock.take"):
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
    def take(self, command: Take, stamp: Stamp) -> Taken | Rejection:
        """Decides. It is pure and changes nothing."""
        if not 0 < command.count <= self.left:
            return reject("sold-out", f"only {self.left} left of {self.id}")
        return Taken(count=command.count)

    @applies(Taken)
    def _taken(self, event: Taken) -> None:
        """Changes the state, which nothing else does."""
        self.left -= event.count


class Article(msgspec.Struct):
    """The article that a query asks for."""

    article: str


@app.projection("shelf", version=1)
class Shelf(Projection):
    """How much is left of each article."""

    def __init__(self) -> None:
        self._left: dict[str, int] = {}
        self._changed: set[str] = set()

    @on(Taken)
    def taken(self, event: Taken, meta: Commit) -> None:
        self._left[meta.aggregate] = self._left.get(meta.aggregate, FULL) - event.count
        self._changed.add(meta.aggregate)

    @query("left")
    def left(self, request: Article) -> int:
        return self._left.get(request.article, FULL)

    def save(self) -> Iterable[tuple[bytes, bytes | None]]:
        changed, self._changed = self._changed, set()
        return [(article.encode(), str(self._left[article]).encode()) for article in changed]

    def load(self, items: Iterable[tuple[bytes, bytes]]) -> None:
        self._left = {bytes(key).decode(): int(value) for key, value in items}


def main(data: str) -> None:
    """A client: takes two apples and asks what is left."""
    with Client(data) as client:
        receipt = client.send(Take("apples", count=2))
        print(receipt.outcome, receipt.message)
        print("left:", client.query("shelf", "left", {"article": "apples"}, at_least=receipt))


if __name__ == "__main__":
    main(sys.argv[1])
