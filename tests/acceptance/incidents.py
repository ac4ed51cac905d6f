"""An application for the runbook: a view that is well, one that fails on an article, and one that ends."""

import os

from engine import Commit, Engine, Projection, Table, on
from examples.stock import Shelf, Stock, Taken

app = Engine("stock", aggregates=[Stock])
app.projection("shelf", version=1)(Shelf)


@app.projection("labels", version=1)
class Labels(Projection):
    """It has no label for pears."""

    @on(Taken)
    def taken(self, event: Taken, commit: Commit, view: Table[str]) -> None:
        if commit.aggregate == "pears":
            raise ValueError("no label for pears")
        view[commit.aggregate] = commit.aggregate.upper()


@app.projection("sums", version=1)
class Sums(Projection):
    """It ends as a process does that its disk fails."""

    @on(Taken)
    def taken(self, event: Taken) -> None:
        os._exit(3)
