"""The view: all notes, for clients that want to read."""

from typing import Any

import msgspec

from engine import Commit, NoArguments, Projection, Table, on, query
from examples.notes.messages import NoteCreated, TitleChanged


class Which(msgspec.Struct):
    """What the query `note` asks for."""

    note: str


class Listing(Projection, name="notes", version=1):
    """id → title and how often it was changed. The engine keeps `view`, together with how far it has come."""

    @on(NoteCreated)
    def created(self, event: NoteCreated, meta: Commit, view: Table) -> None:
        view[meta.aggregate] = {"title": event.title, "changes": 0}

    @on(TitleChanged)
    def title_changed(self, event: TitleChanged, meta: Commit, view: Table) -> None:
        view[meta.aggregate] = {"title": event.title, "changes": view[meta.aggregate]["changes"] + 1}

    @query("note")
    def note(self, view: Table, request: Which) -> Any:
        return view.get(request.note)

    @query("titles")
    def titles(self, view: Table, request: NoArguments) -> dict[str, str]:
        return {id: note["title"] for id, note in sorted(view.items())}
