"""Given, when, then: the story of an aggregate, a process manager or a view.

    given(Account, Opened(owner="ann")).when(Withdraw("a", amount=5)).rejected("too-little")
    given(OrderPlaced(...)).process_manager(Checkout).when(Reserved(...)).sends(AskForPayment(...)).sets_timer(...)
    given(("a", Deposited(5)), ("b", Deposited(7))).project(Balances).shows("sum", {}, 12)

Everything goes through the codecs and the code that a node runs, as part of an application: the one that a
class was registered on last, unless `app` names another. An event may also be given as it stands in the
store, a dictionary with its `type`, perhaps of an old version, which is then lifted:

    given({"type": "note.created", "title": "Groceries"}, app=app).is_read_as(NoteCreated("Groceries", ""))
"""

from typing import Any, overload

from engine.model.aggregates import Aggregate
from engine.model.app import Engine
from engine.model.messages import Event
from engine.model.process_managers import ProcessManager
from engine.model.projections import Projection
from engine.testing.aggregates import AggregateStory
from engine.testing.entries import Happened, LogBook, Told, listed, taken_apart
from engine.testing.process_managers import ProcessManagerStory
from engine.testing.views import ViewStory
from engine.wire.log import record_decoder


@overload
def given(
    first: type[Aggregate], /, *events: Happened | list[Happened], app: Engine | None = None
) -> AggregateStory: ...
@overload
def given(*events: Told, app: Engine | None = None) -> "Past": ...
def given(*what: Any, app: Engine | None = None) -> "AggregateStory | Past":
    """What has happened before. For an aggregate: its class, then its events; a list stands for the events of
    one command. For a process manager or a view: events, or (aggregate, event) pairs."""
    if what and isinstance(what[0], type):
        if not issubclass(what[0], Aggregate):
            text = "begin with events: given(*events).process_manager(…) or .project(…)"
            raise TypeError(f"{what[0].__name__} is not an aggregate; {text}")
        return AggregateStory(what[0], what[1:], app)
    return Past(what, app)


class Past:
    """Events that have happened, for any reader."""

    def __init__(self, events: tuple[Told, ...], app: Engine | None) -> None:
        self._events, self._app = events, app

    def process_manager(self, cls: type[ProcessManager]) -> ProcessManagerStory:
        """A process manager that has handled them; what it sent has arrived."""
        return ProcessManagerStory(cls, self._events, self._app)

    def project(self, cls: type[Projection]) -> ViewStory:
        """A view that takes them in, in several orders, each of them twice."""
        return ViewStory(cls, self._events, self._app)

    def is_read_as(self, *events: Event) -> "Past":
        """Read from the store they are these events, in this order: of today's versions, lifted by the
        upcasters of `app`. ConfigError if one is unknown or an upcaster fails."""
        if self._app is None:
            raise TypeError("whose upcasters? Name the application: given(…, app=app)")
        decode, book = record_decoder(self._app).decode, LogBook()
        read: list[Event] = []
        for aggregate, some in taken_apart(self._events):
            _, (commit,) = decode(book.record(aggregate, some))
            read += commit.events
        if read != list(events):
            raise AssertionError(f"expected to be read as:{listed(events)}\nfound:{listed(read)}")
        return self
