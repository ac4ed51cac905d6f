"""Spans for OpenTelemetry: when what happened, as traces made of the ids that everything has anyway.

    trace    the correlation, which is the id of the first command unless its sender gave another one
    span     of a command: the last half of its id; of a step of a process manager: a hash of what it handled
    parent   of a command: its causation, or what the sender of a request names; of a step: the command

So the gateway and process managers, of whichever node, need not tell each other anything. Nothing else makes
spans: one for each command would cost the core more than the command.
"""

import hashlib
import re
import time
from collections.abc import Mapping
from typing import Any, NamedTuple

from engine.base.errors import ConfigError

TRACEPARENT = re.compile(r"00-(?P<trace>[0-9a-f]{32})-(?P<span>[0-9a-f]{16})-[0-9a-f]{2}")
NONE = "0" * 16


class Parent(NamedTuple):
    """The span of a request's sender, from the header `traceparent` (W3C Trace Context)."""

    trace: str
    span: str


def parent_in(header: str) -> Parent | None:
    """What a header says; None if it says nothing that can be used."""
    match = TRACEPARENT.fullmatch(header.strip())
    if match is None or match["trace"] == "0" * 32 or match["span"] == NONE:
        return None
    return Parent(match["trace"], match["span"])


def span_of(id: str) -> str:
    """The span of a command."""
    return id[16:] or NONE


def span_of_step(seed: bytes) -> str:
    """The span of a step."""
    return hashlib.blake2b(seed, digest_size=8).hexdigest()


class Spans:
    """The way of spans to a collector. `endpoint`: where it takes them by HTTP; `service`: who they are of.
    Raises ConfigError if the extra is missing."""

    def __init__(self, endpoint: str, service: str, exporter: Any = None) -> None:
        try:
            from opentelemetry.sdk.resources import Resource
            from opentelemetry.sdk.trace import ReadableSpan
            from opentelemetry.sdk.trace.export import BatchSpanProcessor
            from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags

            if exporter is None:
                from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

                exporter = OTLPSpanExporter(endpoint=endpoint)
        except ImportError as error:
            hint = "pip install 'ringfold[otel]'"
            raise ConfigError("the setting traces needs an extra", missing=error.name, hint=hint) from None
        self._resource = Resource.create({"service.name": service})
        self._make, self._context, self._flags = ReadableSpan, SpanContext, TraceFlags(TraceFlags.SAMPLED)
        self._kind, self._status, self._code = SpanKind, Status, StatusCode
        self._processor: Any = BatchSpanProcessor(exporter)

    @staticmethod
    def now_ns() -> int:
        """When something begins or ends."""
        return time.time_ns()

    def record(
        self,
        name: str,
        *,
        trace: str,
        span: str,
        parent: str,
        began_ns: int,
        ended_ns: int,
        facts: Mapping[str, str | int],
        kind: str = "INTERNAL",
        error: str = "",
    ) -> None:
        """Sends a span, soon. `parent`: of zeros if it has none. `error`: what went wrong."""
        context = self._context(int(trace, 16), int(span, 16), False, self._flags)
        above = None if parent == NONE else self._context(int(trace, 16), int(parent, 16), True, self._flags)
        status = self._status(self._code.ERROR, error) if error else self._status()
        self._processor.on_end(
            self._make(
                name,
                context=context,
                parent=above,
                resource=self._resource,
                attributes=facts,
                kind=self._kind[kind],
                status=status,
                start_time=began_ns,
                end_time=ended_ns,
            )
        )

    def close(self) -> None:
        """Sends what waits."""
        self._processor.shutdown()


def spans_of(endpoint: str, service: str) -> Spans | None:
    """None if the setting is empty."""
    return Spans(endpoint, service) if endpoint else None
