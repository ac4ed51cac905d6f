"""A domain with every kind of handler. Notes, and the boxes that finished ones are filed in:

    Note     create, edit, and all the ways in which a command may end
    Box      what the process manager `filing` puts a note into once it is finished
"""

import json
import threading
from collections.abc import Iterable
from typing import Any

import msgspec

from engine import (
    Aggregate,
    ApplicationMessage,
    Command,
    Commit,
    Decided,
    Engine,
    Event,
    ProcessManager,
    Projection,
    Rejection,
    Send,
    Table,
    applies,
    handles,
    on,
    query,
    reject,
)

APP = "tests.acceptance.behaviours.domain:create"


class Create(Command, name="note.create"):
    text: str


class Edit(Command, name="note.edit"):
    text: str


class EditSlowly(Command, name="note.edit-slowly"):
    text: str
    seconds: float


class Exchange(Command, name="note.exchange"):
    """Edits, and answers with the text that was there before."""

    text: str


class Mark(Command, name="note.mark"):
    label: str


class MarkTwice(Mark, name="note.mark-twice"):
    """Derived, with a handler of its own."""


class Finish(Command, name="note.finish"):
    """Three events at once."""

    text: str


class Announce(Command, name="note.announce"):
    """An application message alone."""


class Refuse(Command, name="note.refuse"):
    """Rejected."""

    raises: bool = False


class Stumble(Command, name="note.stumble"):
    """Its handler raises."""


class Overreach(Command, name="note.overreach"):
    """Its handler returns an event of a box beside one of the note."""


class Unheard(Command, name="note.unheard"):
    """A command without a handler."""


class File(Command, name="box.file"):
    note: str


class Created(Event, name="note.created"):
    text: str


class Edited(Event, name="note.edited"):
    text: str


class Marked(Event, name="note.marked"):
    label: str


class Closed(Event, name="note.closed"): ...


class Announced(ApplicationMessage, name="note.announced"):
    text: str


class Filed(Event, name="box.filed"):
    note: str


class Written(Aggregate):
    """What notes inherit: how they begin and change."""

    text = ""

    @applies(Created)
    def _created(self, event: Created) -> None:
        self.text = event.text

    @applies(Edited)
    def _edited(self, event: Edited) -> None:
        self.text = event.text


class Note(Written):
    def __init__(self, id: str) -> None:
        super().__init__(id)
        self.labels: list[str] = []
        self.closed = False

    @handles(Create, exists="must-not")
    def create(self, command: Create) -> Created:
        return Created(command.text)

    @handles(Edit)
    def edit(self, command: Edit) -> Edited | None:
        return None if command.text == self.text else Edited(command.text)

    @handles(EditSlowly)
    def edit_slowly(self, command: EditSlowly) -> Edited:
        threading.Event().wait(command.seconds)
        return Edited(command.text)

    @handles(Exchange)
    def exchange(self, command: Exchange) -> Decided:
        return Decided(Edited(command.text), result={"was": self.text})

    @handles(Mark)
    def mark(self, command: Mark) -> Marked:
        return Marked(command.label)

    @handles(MarkTwice)
    def mark_twice(self, command: MarkTwice) -> list[Marked]:
        return [Marked(command.label), Marked(command.label)]

    @handles(Finish)
    def finish(self, command: Finish) -> list[Event]:
        return [Edited(command.text), Marked("finished"), Closed()]

    @handles(Announce)
    def announce(self, command: Announce) -> Announced:
        return Announced(self.text)

    @handles(Refuse)
    def refuse(self, command: Refuse) -> Rejection:
        if command.raises:
            raise reject("not-now", "from deep inside")
        return reject("not-ever", "notes are patient")

    @handles(Stumble)
    def stumble(self, command: Stumble) -> Edited:
        raise ZeroDivisionError("a bug")

    @handles(Overreach)
    def overreach(self, command: Overreach) -> Any:
        return [Edited("overreached"), Filed(self.id)]

    @applies(Marked)
    def _marked(self, event: Marked) -> None:
        self.labels.append(event.label)

    @applies(Closed)
    def _closed(self, event: Closed) -> None:
        self.closed = True


class Box(Aggregate):
    @handles(File, exists="may")
    def file(self, command: File) -> Filed:
        return Filed(command.note)

    @applies(Filed)
    def _filed(self, event: Filed) -> None: ...


class OneNote(msgspec.Struct):
    note: str


class Texts(Projection):
    """A table. What a note says, and how many entries it has had."""

    @on(Created)
    def created(self, event: Created, commit: Commit, view: Table) -> None:
        view[commit.aggregate] = event.text

    @on(Edited)
    def edited(self, event: Edited, commit: Commit, view: Table) -> None:
        view[commit.aggregate] = event.text

    @query
    def text(self, view: Table, request: OneNote) -> Any:
        return view.get(request.note)


class Versions(Projection):
    """State of its own. The versions of each note in the order in which they came."""

    def __init__(self) -> None:
        self._seen: dict[str, list[int]] = {}
        self._changed: set[str] = set()

    @on(Created)
    def created(self, event: Created, commit: Commit) -> None:
        self._saw(commit)

    @on(Edited)
    def edited(self, event: Edited, commit: Commit) -> None:
        self._saw(commit)

    def _saw(self, commit: Commit) -> None:
        self._seen.setdefault(commit.aggregate, []).append(commit.version)
        self._changed.add(commit.aggregate)

    @query
    def seen(self, request: OneNote) -> list[int]:
        return self._seen.get(request.note, [])

    def save(self) -> Iterable[tuple[bytes, bytes | None]]:
        changed, self._changed = self._changed, set()
        return [(note.encode(), json.dumps(self._seen[note]).encode()) for note in changed]

    def load(self, items: Iterable[tuple[bytes, bytes]]) -> None:
        self._seen = {note.decode(): json.loads(versions) for note, versions in items}


class Turns(Projection):
    """Handlers of one, two and three events, written in another order than the one in which they run."""

    @on(Edited, Marked, Closed, priority=2)
    def three_second(self, a: Edited, b: Marked, c: Closed, commit: Commit, view: Table) -> None:
        _took_its_turn(view, commit, "three-2")

    @on(Marked, priority=20)
    def marked_late(self, event: Marked, view: Table, commit: Commit) -> None:
        _took_its_turn(view, commit, f"{event.label}+20")

    @on(Edited, Closed, priority=7)
    def two_second(self, edited: Edited, closed: Closed, view: Table, commit: Commit) -> None:
        _took_its_turn(view, commit, "two+7")

    @on(Closed, Edited, Marked, priority=-2)
    def three_first(self, c: Closed, a: Edited, b: Marked, commit: Commit, view: Table) -> None:
        _took_its_turn(view, commit, f"three-{a.text}-first")

    @on(Marked, priority=-20)
    def marked_early(self, event: Marked, view: Table, commit: Commit) -> None:
        _took_its_turn(view, commit, f"{event.label}-20")

    @on(Marked)
    def marked(self, event: Marked, commit: Commit, view: Table) -> None:
        _took_its_turn(view, commit, event.label)

    @on(Edited, Marked, priority=-7)
    def two_first(self, edited: Edited, marked: Marked, commit: Commit, view: Table) -> None:
        _took_its_turn(view, commit, "two-7")

    @on(Closed, priority=-100)
    def closed(self, event: Closed, commit: Commit, view: Table) -> None:
        _took_its_turn(view, commit, "closed-100")

    @query
    def turns(self, view: Table, request: OneNote) -> Any:
        return view.get(request.note, [])


def _took_its_turn(view: Table, commit: Commit, what: str) -> None:
    view[commit.aggregate] = [*view.get(commit.aggregate, []), what]


class Filing(ProcessManager):
    """Files every finished note in a box of its own."""

    @on(Closed)
    def closed(self, event: Closed, commit: Commit, send: Send) -> None:
        send(File(box_of(commit.aggregate), note=commit.aggregate))


def box_of(note: str) -> str:
    """The box that a finished note is filed in."""
    return f"box-of-{note}"


def create(settings: dict[str, str]) -> Engine:
    """The application."""
    app = Engine("behaviours")
    app.aggregate(Note)
    app.aggregate(Box)
    app.message(Announced)
    app.projection("texts")(Texts)
    app.projection("versions")(Versions)
    app.projection("turns")(Turns)
    app.process_manager("filing")(Filing)
    return app


class Rival(Aggregate):
    @handles(Create)
    def create(self, command: Create) -> Filed:
        return Filed("")


def create_with_a_rival(settings: dict[str, str]) -> Engine:
    """Two handlers for one command."""
    app = create(settings)
    app.aggregate(Rival)
    return app
