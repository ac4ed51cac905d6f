"""How it was: everything in one file, notes with a title."""

from collections.abc import Mapping

from engine import Aggregate, ApplicationMessage, Command, Engine, Event, applies, handles


class CreateNote(Command, name="note.create"):
    title: str


class ChangeTitle(Command, name="note.change-title"):
    title: str


class NoteCreated(Event, name="note.created"):
    title: str


class TitleChanged(Event, name="note.title-changed"):
    title: str


class NoteTold(ApplicationMessage, name="note.told"):
    words: str


class Note(Aggregate):
    def __init__(self, id: str) -> None:
        super().__init__(id)
        self.title = ""

    @handles(CreateNote, exists="must-not")
    def create(self, command: CreateNote) -> list[Event]:
        return [NoteCreated(title=command.title), NoteTold(words=f"new: {command.title}")]

    @handles(ChangeTitle)
    def change(self, command: ChangeTitle) -> TitleChanged:
        return TitleChanged(title=command.title)

    @applies(NoteCreated)
    def created(self, event: NoteCreated) -> None:
        self.title = event.title

    @applies(TitleChanged)
    def changed(self, event: TitleChanged) -> None:
        self.title = event.title


def create(settings: Mapping[str, str]) -> Engine:
    app = Engine("layouts")
    app.aggregate(Note)
    app.message(NoteTold)
    return app
