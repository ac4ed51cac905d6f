"""A worker at work: what its handlers do with a delivery, and what they tell the node.

    delivery ──▶ handlers of its class ──tell──▶ command, under an id that follows from the delivery
                     └─ raises ──▶ the same delivery again, after a pause

It has no thread and no socket of its own; the process runs it in lanes, the inline engine where it settles.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

import msgspec
from msgspec.structs import replace

from engine.client.receipts import Receipt
from engine.follow.questions import Asked, Nothing
from engine.managers.identity import derived_id
from engine.model.delivery import Delivery
from engine.model.messages import Command
from engine.model.process_managers import Refusal
from engine.model.workers import Round, Tell, Worker, WorkerSpec

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.1, 60.0
ANSWERED = ("committed", "unchanged", "rejected", "failed")
ANSWER_S = 5.0  # then a command is sent again


class Sender(Protocol):
    """What sends commands and waits, such as a client; outcomes may be `busy` or `unknown`."""

    def send(self, command: Command, *, timeout_s: float) -> Receipt: ...

    def send_many(self, commands: Sequence[Command], *, timeout_s: float) -> list[Receipt]: ...


class Stopped(Exception):
    """The node stops before there is an answer. The delivery is handled again by the next life."""


class Telling:
    """Tells the node, for one worker in one thread. `on`: False once the node stops; `waits`: is told True
    before it waits for the node and False after it, because that is no fault of the handler."""

    def __init__(
        self,
        worker: str,
        sender: Sender,
        on: Callable[[], bool] = lambda: True,
        waits: Callable[[bool], object] = lambda _: None,
    ) -> None:
        self._worker, self._sender, self._on, self._waits = worker, sender, on, waits
        self._of: Delivery | None = None
        self._count = 0

    def begin(self, delivery: Delivery | None) -> None:
        """Begins with what is handled next; None: a round, which follows from nothing."""
        self._of, self._count = delivery, 0

    def __call__(self, command: Command) -> Refusal | None:
        """See `Tell`. Raises Stopped."""
        command = self._stamped(command)
        with self._waiting():
            while self._on():
                receipt = self._sender.send(command, timeout_s=ANSWER_S)
                if receipt.outcome in ANSWERED:
                    return _refusal(receipt)
        raise Stopped

    def many(self, commands: Sequence[Command]) -> list[Refusal | None]:
        """See `Tell`. Raises Stopped."""
        open = {command.id: command for command in map(self._stamped, commands)}
        answers: dict[str, Refusal | None] = dict.fromkeys(open)
        with self._waiting():
            while open and self._on():
                for receipt in self._sender.send_many(list(open.values()), timeout_s=ANSWER_S):
                    if receipt.outcome in ANSWERED:
                        answers[receipt.id] = _refusal(receipt)
                        del open[receipt.id]
        if open:
            raise Stopped
        return list(answers.values())

    @contextmanager
    def _waiting(self) -> Iterator[None]:
        self._waits(True)
        try:
            yield
        finally:
            self._waits(False)

    def _stamped(self, command: Command) -> Command:
        of = self._of
        if of is None:
            return command
        self._count += 1
        id = derived_id(of.time_ns, f"worker\0{self._worker}\0{of.id}".encode(), self._count)
        return replace(command, id=id, correlation=of.correlation or of.command, causation=of.command)


def _refusal(receipt: Receipt) -> Refusal | None:
    if receipt.outcome in ("rejected", "failed"):
        return Refusal(receipt.outcome, receipt.code, receipt.message)
    return None


class Handling:
    """The handlers and rounds of a worker, for one thread."""

    def __init__(self, worker: Worker, spec: WorkerSpec, telling: Telling) -> None:
        self._telling = telling
        self._calls: dict[type, list[Callable[[Any, Delivery], None]]] = {}
        for handler in spec.handlers:
            method, wants = getattr(worker, handler.attribute), handler.wants
            self._calls.setdefault(handler.events[0], []).append(_bound(method, wants, telling))
        self._rounds = {one: getattr(worker, one.attribute) for one in spec.rounds}

    def handle(self, delivery: Delivery) -> None:
        """Runs the handlers of one delivery. Raises what they raise, and Stopped."""
        self._telling.begin(delivery)
        for call in self._calls.get(type(delivery.event), ()):
            call(delivery.event, delivery)

    def go_round(self, one: Round) -> None:
        """Runs a round. Raises what it raises, and Stopped."""
        self._telling.begin(None)
        self._rounds[one](*(self._telling for _ in one.wants))


def _bound(
    method: Callable[..., None], wants: tuple[type, ...], telling: Telling
) -> Callable[[Any, Delivery], None]:
    def call(event: Any, delivery: Delivery) -> None:
        offers: dict[type, Any] = {Delivery: delivery, Tell: telling}
        method(event, *(offers[kind] for kind in wants))

    return call


class WorkerQuestions(Asked):
    """What a worker answers: its own queries, and how far it is. `positions` is kept current by its owner."""

    def __init__(
        self,
        worker: Worker,
        spec: WorkerSpec,
        positions: list[int],
        lag: Callable[[], dict[str, dict[str, Any]]],
    ) -> None:
        super().__init__(positions)
        for name, question in spec.queries.items():
            method = getattr(worker, question.attribute)
            self._add_own(name, question.request, _spread(method, question.spread), question.returns)
        self._add("lag", Nothing, lambda _: lag())


def _spread(method: Callable[..., Any], spread: bool) -> Callable[[Any], Any]:
    return lambda request: method(**msgspec.structs.asdict(request)) if spread else method(request)


def pause_after(failures: int) -> float:
    """Seconds until a handler that failed so often in a row is tried again."""
    return float(min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2 ** min(failures - 1, 20)))

