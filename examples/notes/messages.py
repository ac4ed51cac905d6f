"""What can be wished for a note, and what can have happened to it."""

from engine import Command, Event


class CreateNote(Command, name="note.create", rejects=("no-title",)):
    """Makes a note that is not there yet."""

    title: str


class ChangeTitle(Command, name="note.change-title", rejects=("no-title",)):
    """Gives a note another title."""

    title: str


class NoteCreated(Event, name="note.created"):
    """There is a note."""

    title: str


class TitleChanged(Event, name="note.title-changed"):
    """From now on it is called this."""

    title: str
