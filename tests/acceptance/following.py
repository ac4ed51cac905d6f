"""An application whose views a test can make fail, halt and renew: by files, since they run elsewhere.

    fail-VERSION   the aggregate named in it cannot be taken in by that version of the view
    halt-VERSION   that version takes nothing in while the file is there
    break-VERSION  that version cannot be made
"""

import os
from pathlib import Path
from typing import Any

import msgspec

from engine import (
    Aggregate,
    Command,
    Commit,
    Engine,
    Event,
    Projection,
    Table,
    applies,
    handles,
    on,
    query,
)
from tests.deadline import until

SETTINGS = ("files", "newest")
APP = "tests.acceptance.following:create"


class Put(Command, name="box.put"):
    pieces: int = 1


class PiecesPut(Event, name="box.pieces-put"):
    pieces: int = 1


class Box(Aggregate):
    @handles(Put, exists="may")
    def put(self, command: Put) -> PiecesPut:
        return PiecesPut(command.pieces)

    @applies(PiecesPut)
    def pieces_put(self, event: PiecesPut) -> None:
        pass


class OneBox(msgspec.Struct):
    box: str


class Boxes(Projection):
    version = 1

    def __init__(self, files: Path) -> None:
        self._fail = files / f"fail-{self.version}"
        self._halt = files / f"halt-{self.version}"
        if (files / f"break-{self.version}").exists():
            raise OSError("the workshop is closed")

    @on(PiecesPut)
    def pieces_put(self, event: PiecesPut, commit: Commit, view: Table) -> None:
        if self._halt.exists():
            (self._halt.parent / "halted").write_text(str(os.getpid()))
            until(lambda: not self._halt.exists(), 60)
        view[commit.aggregate] = view.get(commit.aggregate, 0) + event.pieces * self.version
        if self._fail.exists() and self._fail.read_text() == commit.aggregate:
            raise OSError(f"the shelf for {commit.aggregate} is full")

    @query
    def box(self, view: Table, request: OneBox) -> Any:
        return view.get(request.box, 0)

    @query
    def all(self, view: Table) -> dict[str, int]:
        return dict(view)


class NewBoxes(Boxes):
    """Counts every piece twice, so that one sees who answers."""

    version = 2


def create(settings: dict[str, str]) -> Engine:
    """With `newest` = 2 there is a second version of the view."""
    app, files = Engine("boxes"), Path(settings["files"])
    app.aggregate(Box)
    app.projection("boxes", factory=lambda: Boxes(files))(Boxes)
    if settings.get("newest") == "2":
        app.projection("boxes", version=2, factory=lambda: NewBoxes(files))(NewBoxes)
    return app
