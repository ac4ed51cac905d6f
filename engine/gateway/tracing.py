"""Tracing: a span for each command that comes by HTTP, below the one that the request names."""

import contextlib
from collections.abc import Callable, Iterator, Sequence

import msgspec

from engine.base.spans import Spans, parent_in, span_of
from engine.client.receipts import Receipt
from engine.model.messages import Command, wire_tag

Ended = Callable[[Sequence[Receipt]], None]


@contextlib.contextmanager
def traced(spans: Spans | None, traceparent: str, commands: Sequence[Command]) -> Iterator[Ended]:
    """Around the sending of commands; what is yielded is to be called with their receipts. A command without
    a correlation gets the trace that the header `traceparent` names."""
    parent = parent_in(traceparent)
    if parent is not None:
        for command in commands:
            if command.correlation is None:
                msgspec.structs.force_setattr(command, "correlation", parent.trace)
    if spans is None:
        yield lambda _receipts: None
        return
    began_ns = spans.now_ns()

    def ended(receipts: Sequence[Receipt]) -> None:
        for command, receipt in zip(commands, receipts, strict=True):
            trace = command.correlation or command.id
            above = parent.span if parent is not None and trace == parent.trace else ""
            spans.record(
                wire_tag(type(command)),
                trace=trace,
                span=span_of(command.id),
                parent=above or span_of(command.causation or ""),
                began_ns=began_ns,
                ended_ns=spans.now_ns(),
                facts={
                    "ringfold.aggregate": command.aggregate,
                    "ringfold.command": command.id,
                    "ringfold.outcome": receipt.outcome,
                },
                kind="SERVER",
                error="" if receipt.ok else receipt.code or receipt.outcome,
            )

    yield ended
