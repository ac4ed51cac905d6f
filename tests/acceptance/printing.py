"""An application that prints wherever it can: when it is imported, in handlers, and in its view."""

import sys

from engine import Aggregate, Command, Commit, Engine, Event, Projection, Table, applies, handles, on, query

print('{"ready": true}')
print("imported", file=sys.stderr)


class Note(Command, name="note"):
    text: str


class Shout(Command, name="shout"):
    text: str


class Noted(Event, name="noted"):
    text: str


class Notes(Aggregate):
    @handles(Note, exists="may")
    def note(self, command: Note) -> Noted:
        print("handling", command)
        return Noted(text=command.text)

    @handles(Shout, exists="may")
    def shout(self, command: Shout) -> Noted:
        print("no line feed", end="")
        raise ValueError("too\nloud")

    @applies(Noted)
    def _noted(self, event: Noted) -> None:
        print("applying", event)


class Printing(Projection, name="printing"):
    @on(Noted)
    def noted(self, event: Noted, commit: Commit, view: Table[int]) -> None:
        print("seen\n\n", file=sys.stderr)
        view[commit.aggregate] = 1

    @query
    def count(self, view: Table[int]) -> int:
        return len(view)


app = Engine("printing", aggregates=[Notes], projections=[Printing])
