"""An application with a vault: guests, who check in under their tokens."""

from engine import (
    Aggregate,
    Command,
    Commit,
    Engine,
    Event,
    Projection,
    Table,
    Vault,
    applies,
    handles,
    on,
    query,
)


class CheckIn(Command, name="house.check-in"):
    guest: str


class CheckedIn(Event, name="house.checked-in"):
    guest: str


class House(Aggregate):
    def __init__(self, id: str) -> None:
        super().__init__(id)
        self.guests: list[str] = []

    @handles(CheckIn, exists="may")
    def check_in(self, command: CheckIn) -> CheckedIn | None:
        return None if command.guest in self.guests else CheckedIn(command.guest)

    @applies(CheckedIn)
    def _checked_in(self, event: CheckedIn) -> None:
        self.guests.append(event.guest)


class Guests(Projection, name="guests"):
    @on(CheckedIn)
    def checked_in(self, event: CheckedIn, commit: Commit, view: Table[list[str]]) -> None:
        view[commit.aggregate] = [*view.get(commit.aggregate, []), event.guest]

    @query
    def of(self, view: Table[list[str]], house: str) -> list[str]:
        return view.get(house, [])


app = Engine("people", aggregates=[House], projections=[Guests], workers=[Vault])
