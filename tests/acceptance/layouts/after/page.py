"""The aggregate under a new name."""

from engine import Aggregate, Command, Event, applies, handles
from tests.acceptance.layouts.after.facts import Opened, Renamed, Told


class Open(Command, name="note.create"):
    title: str


class Rename(Command, name="note.change-title"):
    title: str


class Page(Aggregate):
    def __init__(self, id: str) -> None:
        super().__init__(id)
        self.headline, self.words = "", 0

    @handles(Open, exists="must-not")
    def open(self, command: Open) -> list[Event]:
        return [Opened(headline=command.title, words=len(command.title.split())), Told(text=command.title)]

    @handles(Rename)
    def rename(self, command: Rename) -> Renamed:
        return Renamed(title=command.title)

    @applies(Opened)
    def opened(self, event: Opened) -> None:
        self.headline, self.words = event.headline, event.words

    @applies(Renamed)
    def renamed(self, event: Renamed) -> None:
        self.headline, self.words = event.title, len(event.title.split())
