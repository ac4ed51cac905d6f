"""An application that says who may: parcels, which users send, everyone may follow, and a clerk keeps."""

from datetime import timedelta
from typing import Annotated

import msgspec

from engine import (
    Aggregate,
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

APP = "tests.gateway.parcels:app"
Kilograms = Annotated[int, msgspec.Meta(ge=1, le=1_000)]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=50)]


class Receipt(msgspec.Struct):
    """What a sender gets."""

    price: int


class SendParcel(
    Command, name="parcel.send", rejects=("too-heavy",), result=Receipt, may="user", own="sender"
):
    """Hands a parcel in."""

    sender: Name
    weight: Kilograms = 1


class MoveParcel(Command, name="parcel.move", rejects=("lost",)):
    """Brings a parcel on. It declares none, so it is for operators."""

    place: Name


class AskForParcel(Command, name="parcel.ask", rejects=(), may="public"):
    """Asks for a parcel, whose it may be."""


class ParcelSent(Event, name="parcel.sent"):
    sender: str
    weight: int


class ParcelMoved(Event, name="parcel.moved"):
    place: str


class ParcelAskedFor(Event, name="parcel.asked-for"):
    """It was asked for."""


class Parcel(Aggregate):
    """One parcel."""

    def __init__(self, id: str) -> None:
        super().__init__(id)
        self.sender, self.places, self.asked = "", list[str](), 0

    @handles(SendParcel, exists="must-not")
    def send(self, command: SendParcel) -> Decided | Rejection:
        if command.weight > 30:
            return reject("too-heavy", f"{command.weight} kg are too much")
        return Decided(ParcelSent(command.sender, command.weight), result=Receipt(5 * command.weight))

    @handles(MoveParcel)
    def move(self, command: MoveParcel) -> ParcelMoved | Rejection:
        if command.place == "crash":
            raise ValueError("the van is broken")
        return reject("lost", "it is not here") if command.place == "nowhere" else ParcelMoved(command.place)

    @handles(AskForParcel)
    def ask(self, _: AskForParcel) -> ParcelAskedFor:
        return ParcelAskedFor()

    @applies(ParcelSent)
    def _sent(self, event: ParcelSent) -> None:
        self.sender = event.sender

    @applies(ParcelMoved)
    def _moved(self, event: ParcelMoved) -> None:
        self.places.append(event.place)

    @applies(ParcelAskedFor)
    def _asked(self, _: ParcelAskedFor) -> None:
        self.asked += 1


class ParcelRow(msgspec.Struct):
    """A parcel as the view shows it."""

    sender: str
    place: str = ""


class Where(Projection, name="parcels"):
    """Where parcels are. A parcel that is moved to `poison` is one that it cannot follow."""

    indexes = ("sender",)

    @on(ParcelSent)
    def sent(self, event: ParcelSent, commit: Commit, view: Table[ParcelRow]) -> None:
        view[commit.aggregate] = ParcelRow(event.sender)

    @on(ParcelMoved)
    def moved(self, event: ParcelMoved, commit: Commit, view: Table[ParcelRow]) -> None:
        if event.place == "poison":
            raise ValueError("there is no such place")
        view[commit.aggregate] = ParcelRow(view[commit.aggregate].sender, event.place)

    @query(may="public")
    def parcel(self, view: Table[ParcelRow], parcel: str) -> ParcelRow | None:
        return view.get(parcel)

    @query(may="user", own="sender")
    def sent_by(self, view: Table[ParcelRow], sender: str, limit: int = 10) -> list[str]:
        return [key for key, _ in view.by("sender", sender)][:limit]

    @query
    def count(self, view: Table[ParcelRow]) -> int:
        return len(view)

    @query
    def any_of(self, view: Table[ParcelRow], parcels: list[str]) -> dict[str, ParcelRow]:
        return {parcel: view[parcel] for parcel in parcels if parcel in view}

    @query(may="inside")
    def secret(self, view: Table[ParcelRow]) -> str:
        return "for no one outside"


class Clerk(ProcessManager, name="clerk"):
    """Moves a parcel home, an hour after it was sent."""

    @on(ParcelSent)
    def sent(self, event: ParcelSent, commit: Commit, send: Send) -> None:
        send.after(timedelta(hours=1), MoveParcel(commit.aggregate, place="home"), key=commit.aggregate)


app = Engine("parcels", aggregates=[Parcel], projections=[Where], process_managers=[Clerk])
app.pages("tests.gateway.pages")
