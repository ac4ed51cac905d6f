"""The view: all notes, for clients that want to read."""

import msgspec

from engine import Commit, Projection, Table, on, query
from examples.notes.messages import NoteCreated, TitleChanged


class NoteRow(msgspec.Struct):
    """A note as the view shows it."""

    title: str
    changes: int = 0


class Listing(Projection, name="notes", version=1):
    """id → title and how often it was changed. The engine keeps `view`, together with how far it has come."""

    @on(NoteCreated)
    def created(self, event: NoteCreated, commit: Commit, view: Table[NoteRow]) -> None:
        view[commit.aggregate] = NoteRow(event.title)

    @on(TitleChanged)
    def title_changed(self, event: TitleChanged, commit: Commit, view: Table[NoteRow]) -> None:
        view[commit.aggregate] = NoteRow(event.title, view[commit.aggregate].changes + 1)

    @query
    def note(self, view: Table[NoteRow], note: str) -> NoteRow | None:
        return view.get(note)

    @query
    def titles(self, view: Table[NoteRow], after: str = "", limit: int = 100) -> dict[str, str]:
        return {id: row.title for id, row in view.rows(after=after, limit=limit)}
