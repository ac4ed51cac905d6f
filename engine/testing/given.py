"""Given, when, then: the story of an aggregate, a process manager or a view.

    given(Account, Opened(owner="ann")).when(Withdraw("a", amount=5)).rejected("too-little")
    given(OrderPlaced(...)).process_manager(Checkout).when(Reserved(...)).sends(AskForPayment(...)).sets_timer(...)
    given(("a", Deposited(5)), ("b", Deposited(7))).project(Balances).shows("sum", {}, 12)

Everything goes through the codecs and the code that a node runs. What was registered on an application is
tried out as part of that application.
"""

from typing import Any, overload

from engine.model.aggregates import Aggregate
from engine.model.messages import Event
from engine.model.process_managers import ProcessManager
from engine.model.projections import Projection
from engine.testing.aggregates import AggregateStory
from engine.testing.entries import Told
from engine.testing.process_managers import ProcessManagerStory
from engine.testing.views import ViewStory


@overload
def given(first: type[Aggregate], /, *events: Event | list[Event]) -> AggregateStory: ...
@overload
def given(*events: Told) -> "Past": ...
def given(*what: Any) -> "AggregateStory | Past":
    """What has happened before. For an aggregate: its class, then its events; a list stands for the events of
    one command. For a process manager or a view: events, or (aggregate, event) pairs."""
    if what and isinstance(what[0], type):
        if not issubclass(what[0], Aggregate):
            text = "begin with events: given(*events).process_manager(…) or .project(…)"
            raise TypeError(f"{what[0].__name__} is not an aggregate; {text}")
        return AggregateStory(what[0], what[1:])
    return Past(what)


class Past:
    """Events that have happened, for any reader."""

    def __init__(self, events: tuple[Told, ...]) -> None:
        self._events = events

    def process_manager(self, cls: type[ProcessManager]) -> ProcessManagerStory:
        """A process manager that has handled them; what it sent has arrived."""
        return ProcessManagerStory(cls, self._events)

    def project(self, cls: type[Projection]) -> ViewStory:
        """A view that takes them in, in several orders, each of them twice."""
        return ViewStory(cls, self._events)
