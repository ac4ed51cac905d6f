"""A small post: parcels are put into boxes, some come back, some are asked for later.

No aggregate here forgives a command that comes twice: what has an effect twice is seen in the log.
"""

from collections import Counter
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from engine import (
    Aggregate,
    Command,
    Commit,
    Engine,
    Event,
    ProcessManager,
    Refusal,
    Rejection,
    Send,
    Table,
    applies,
    handles,
    on,
    refused,
    reject,
)


class PostParcel(Command, name="parcel.post"):
    box: str
    remind_ns: int = 0  # the time after which a reminder is sent; 0: none is


class ReturnParcel(Command, name="parcel.return"):
    reason: str


class Put(Command, name="box.put"):
    parcel: str


class Remind(Command, name="box.remind"):
    parcel: str


class Posted(Event, name="parcel.posted"):
    box: str
    remind_ns: int


class Returned(Event, name="parcel.returned"):
    reason: str


class PutIn(Event, name="box.put-in"):
    parcel: str


class Reminded(Event, name="box.reminded"):
    parcel: str


class Parcel(Aggregate):
    @handles(PostParcel, exists="must-not")
    def post(self, command: PostParcel) -> Posted:
        return Posted(command.box, command.remind_ns)

    @handles(ReturnParcel)
    def come_back(self, command: ReturnParcel) -> Returned:
        return Returned(command.reason)

    @applies(Posted)
    def _posted(self, event: Posted) -> None: ...

    @applies(Returned)
    def _returned(self, event: Returned) -> None: ...


class Box(Aggregate):
    @handles(Put, exists="may")
    def put(self, command: Put) -> PutIn | Rejection:
        if command.aggregate.startswith("full"):
            return reject("no-room", f"{command.aggregate} has no room")
        return PutIn(command.parcel)

    @handles(Remind, exists="may")
    def remind(self, command: Remind) -> Reminded:
        return Reminded(command.parcel)

    @applies(PutIn)
    def _put_in(self, event: PutIn) -> None: ...

    @applies(Reminded)
    def _reminded(self, event: Reminded) -> None: ...


class Relay(ProcessManager):
    """`state`: parcel → its box, until it is there or has come back."""

    @on(Posted)
    def posted(self, event: Posted, commit: Commit, send: Send, state: Table) -> None:
        state[commit.aggregate] = event.box
        if event.remind_ns:
            remind = Remind(event.box, parcel=commit.aggregate)
            send.after(timedelta(microseconds=event.remind_ns // 1000), remind, commit.aggregate)
        send(Put(event.box, parcel=commit.aggregate))

    @on(PutIn)
    def put_in(self, event: PutIn, state: Table) -> None:
        del state[event.parcel]

    @refused(Put)
    def not_put(self, command: Put, refusal: Refusal, send: Send, state: Table) -> None:
        del state[command.parcel]
        send.cancel(command.parcel)
        send(ReturnParcel(command.parcel, reason=refusal.code))


def create(_settings: dict[str, str], process: type[ProcessManager] = Relay) -> Engine:
    """The application, with this process manager or another one."""
    app = Engine("post")
    app.aggregate(Parcel)
    app.aggregate(Box)
    app.process_manager("relay")(process)
    return app


def create_without(_settings: dict[str, str]) -> Engine:
    """The earlier application, in which no handler puts parcels anywhere."""
    app = Engine("post")
    app.aggregate(Parcel)
    app.aggregate(Box)
    return app


def effects(commits: Iterable[Any]) -> "Counter[tuple[str, str]]":
    """(what, parcel) → how often it happened. Events as dictionaries."""
    found: Counter[tuple[str, str]] = Counter()
    for commit in commits:
        for event in commit.events:
            if event["type"] != "parcel.posted":
                found[event["type"], event.get("parcel", commit.aggregate)] += 1
    return found


def wished(parcels: Iterable[PostParcel]) -> "Counter[tuple[str, str]]":
    """What has to have happened in the end."""
    found: Counter[tuple[str, str]] = Counter()
    for parcel in parcels:
        if parcel.box.startswith("full"):
            found["parcel.returned", parcel.aggregate] += 1
            continue
        found["box.put-in", parcel.aggregate] += 1
        if parcel.remind_ns:
            found["box.reminded", parcel.aggregate] += 1
    return found
