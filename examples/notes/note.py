"""The note: decides what is allowed, and remembers what it needs for that."""

from engine import Aggregate, Rejection, applies, handles, reject
from examples.notes.messages import ChangeTitle, CreateNote, NoteCreated, TitleChanged


class Note(Aggregate):
    """One note."""

    title: str

    @handles(CreateNote, exists="must-not")
    def create(self, command: CreateNote) -> NoteCreated | Rejection:
        """Decides, and changes nothing: the event does."""
        if not command.title.strip():
            return reject("no-title", "a note has a title")
        return NoteCreated(title=command.title)

    @handles(ChangeTitle)
    def change_title(self, command: ChangeTitle) -> TitleChanged | Rejection | None:
        """Nothing to do is no event, and the answer is `unchanged`."""
        if not command.title.strip():
            return reject("no-title", "a note has a title")
        return None if command.title == self.title else TitleChanged(title=command.title)

    @applies(NoteCreated)
    def _created(self, event: NoteCreated) -> None:
        self.title = event.title

    @applies(TitleChanged)
    def _title_changed(self, event: TitleChanged) -> None:
        self.title = event.title
