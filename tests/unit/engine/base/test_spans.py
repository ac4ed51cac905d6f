"""Spans: traces made of the ids that everything has anyway."""

import sys
from typing import Any

import pytest

from engine.base.errors import ConfigError
from engine.base.identity import uuid7_hex
from engine.base.spans import NONE, Parent, Spans, parent_in, span_of, span_of_step, spans_of

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


@pytest.fixture
def collected() -> tuple[Spans, Any]:
    exporting = pytest.importorskip("opentelemetry.sdk.trace.export.in_memory_span_exporter")
    exporter = exporting.InMemorySpanExporter()
    return Spans("", "a test", exporter), exporter


@pytest.mark.parametrize(
    ("header", "parent"),
    [
        (f"00-{TRACE}-{SPAN}-01", Parent(TRACE, SPAN)),
        (f" 00-{TRACE}-{SPAN}-00 ", Parent(TRACE, SPAN)),
        (f"01-{TRACE}-{SPAN}-01", None),
        (f"00-{TRACE.upper()}-{SPAN}-01", None),
        (f"00-{'0' * 32}-{SPAN}-01", None),
        (f"00-{TRACE}-{NONE}-01", None),
        (f"00-{TRACE}-01", None),
        ("", None),
        ("x" * 10_000, None),
    ],
)
def test_the_sender_of_a_request_names_its_trace(header: str, parent: Parent | None) -> None:
    assert parent_in(header) == parent


def test_a_command_and_a_step_have_a_span_each_that_follows_from_their_ids() -> None:
    id = uuid7_hex()
    assert span_of(id) == id[16:] == span_of(id)
    assert span_of("") == NONE
    assert len(span_of_step(b"seed")) == 16
    assert span_of_step(b"seed") != span_of_step(b"another")


def test_a_span_says_when_what_happened_below_what(collected: tuple[Spans, Any]) -> None:
    spans, exporter = collected
    facts = {"ringfold.aggregate": "a"}
    spans.record(
        "order.place", trace=TRACE, span=SPAN, parent=NONE, began_ns=5, ended_ns=9, facts=facts, kind="SERVER"
    )
    spans.record(
        "shipping handle",
        trace=TRACE,
        span="1" * 16,
        parent=SPAN,
        began_ns=6,
        ended_ns=7,
        facts={},
        error="no",
    )
    spans.close()
    first, second = exporter.get_finished_spans()
    assert (first.name, first.start_time, first.end_time, first.parent) == ("order.place", 5, 9, None)
    assert dict(first.attributes) == facts
    assert first.resource.attributes["service.name"] == "a test"
    assert f"{second.context.trace_id:032x}" == TRACE
    assert (f"{second.parent.span_id:016x}", second.status.description) == (SPAN, "no")


def test_without_the_setting_there_are_none() -> None:
    assert spans_of("", "x") is None


def test_without_the_extra_the_setting_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [one for one in sys.modules if one.startswith("opentelemetry")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    with pytest.raises(ConfigError, match="extra"):
        spans_of("http://127.0.0.1:4318/v1/traces", "x")
