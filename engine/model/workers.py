"""Workers: code of the application that reaches outside, such as to a provider of payments.

    @app.worker("payments")
    class Payments(Worker, threads=16):
        def open(self, folder: Path) -> None:
            self.provider = Provider(os.environ["PROVIDER_URL"])

        @on(PaymentWanted)
        def wanted(self, event: PaymentWanted, delivery: Delivery, tell: Tell) -> None:
            receipt = self.provider.charge(key=delivery.id, amount=event.amount)
            tell(ReceivePayment(delivery.aggregate, receipt=receipt, amount=event.amount))

        @every(seconds=5)
        def collect(self, tell: Tell) -> None: ...

        @query
        def balance(self) -> int: ...

An event is handled at least once: a worker may be killed between an effect and the note of it. An effect that
is to happen once is keyed by `delivery.id`. What a handler tells has ids that follow from the delivery, so it
has one effect however often the handler runs. A handler that raises is tried again, with growing pauses,
until it succeeds; later events of its aggregate wait for it.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Protocol, TypeVar

from engine.base.errors import ConfigError
from engine.base.instants import instant
from engine.model.delivery import Delivery
from engine.model.handlers import Handler, handlers_of, in_written_order
from engine.model.marks import expect_marks, mark, wrong
from engine.model.messages import Command, Event
from engine.model.parameters import expect_factory, match_offers, parameters_of
from engine.model.process_managers import Refusal
from engine.model.queries import Query, note_projection, query_of

F = TypeVar("F", bound=Callable[..., Any])
BUILT_IN = ("positions", "queries", "lag")
MOST_THREADS = 256


class Tell(Protocol):
    """What a worker tells the node with."""

    def __call__(self, command: Command) -> Refusal | None:
        """Sends a command, under an id that follows from what is being handled, and waits until there is an
        answer: None if it took effect or needed none, otherwise how it was refused. In a round it keeps the
        id that it has."""

    def many(self, commands: Sequence[Command]) -> list[Refusal | None]:
        """The same for many, which are on their way together."""


class Worker:
    """Base of all workers. One object, made in the worker's own process.

    `class Payments(Worker, name="payments", threads=16, patience_s=60.0)`: the name under which an app
    registers it; how many handlers may run at a time, each in a thread of its own, those of one aggregate one
    after the other; after how many seconds a handler that does not end has its process started again.
    """

    registered_name: ClassVar[str] = ""
    threads: ClassVar[int] = 1
    patience_s: ClassVar[float] = 60.0
    stays: ClassVar[bool] = False
    """True if it keeps what is nowhere else: in a cluster the setting `cluster_workers` then has to name its
    node"""
    clock_ns: Callable[[], int]
    """the clock of the node, which sets it before `open`"""

    def __init_subclass__(
        cls, *, name: str = "", threads: int | None = None, patience_s: float | None = None, **more: Any
    ) -> None:
        super().__init_subclass__(**more)
        cls.registered_name = name
        if threads is not None:
            cls.threads = threads
        if patience_s is not None:
            cls.patience_s = patience_s
        if name:
            note_projection(cls, name)

    def open(self, folder: Path) -> None:
        """Called once, before anything else, in the process in which it works. `folder`: its own in the data
        directory, for what it must keep."""

    def now(self) -> datetime:
        """What the clock of the node shows, in UTC."""
        return instant(self.clock_ns())

    def close(self) -> None:
        """Called once, after everything else, if the node stops in order."""


def every(*, seconds: float) -> Callable[[F], F]:
    """Marks a method `(self)` or `(self, tell: Tell)` that is called at the start, and then again and again,
    with such pauses."""

    def marked(method: F) -> F:
        if not seconds > 0:
            raise wrong(method, "is called every so many seconds, which must be above 0")
        mark(method, "__every__", seconds)
        return method

    return marked


class Round(NamedTuple):
    """A method that is called again and again; `wants` as in `Handler`."""

    attribute: str
    seconds: float
    wants: tuple[type, ...]


class WorkerSpec:
    """A registered worker: its handlers, its rounds and its queries. ConfigError for a class that could not
    work."""

    def __init__(self, name: str, factory: Callable[[], Worker], cls: type[Worker]) -> None:
        self.name, self.factory, self.cls = name, factory, cls
        owner = f"worker {name}"
        expect_marks(cls, "a worker", ("__on__", "__query__", "__every__"))
        expect_factory(owner, factory)
        if not 1 <= cls.threads <= MOST_THREADS:
            raise ConfigError(f"{owner} has 1 to {MOST_THREADS} threads", threads=cls.threads)
        if not cls.patience_s >= 1:
            raise ConfigError(f"{owner} has a patience of a second or more", patience_s=cls.patience_s)
        self.handlers: list[Handler] = handlers_of(cls, owner, (Delivery, Tell))
        for handler in self.handlers:
            if len(handler.events) > 1:
                raise wrong(getattr(cls, handler.attribute), "is on several events; a worker gets one by one")
        self.rounds: list[Round] = []
        self.queries: dict[str, Query] = {}
        for attribute, method in in_written_order(cls):
            if seconds := getattr(method, "__every__", None):
                wants = match_offers(method, parameters_of(method), (Tell,))
                self.rounds.append(Round(attribute, seconds, wants))
            if question := getattr(method, "__query__", None):
                self.queries[question] = self._query(attribute, method, question)
        note_projection(cls, name)

    def _query(self, attribute: str, method: Callable[..., Any], question: str) -> Query:
        found = query_of(attribute, method)
        if question in BUILT_IN:
            raise wrong(method, f"is named {question}, which every worker answers already")
        if question in self.queries:
            raise ConfigError(f"worker {self.name} has two queries named {question}")
        if found.wants_view:
            raise wrong(method, "takes a Table, which a worker does not have")
        return found

    def events(self) -> set[type[Event]]:
        """The event classes that it reads."""
        return {event for handler in self.handlers for event in handler.events}
