"""Spans of the gateway and of process managers, as a collector takes them."""

import http.server
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.deadline import until
from tests.drill.shop import LOST
from tests.gateway.http import gateway

TRACE, ABOVE = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
PLACE = "/api/commands/order.place"


def order(name: str) -> dict[str, Any]:
    return {"aggregate": name, "article": "a", "units": 2}


class Collector(http.server.ThreadingHTTPServer):
    """Keeps what is sent to it."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Taking)
        self.bodies: list[bytes] = []

    def spans(self) -> dict[str, Any]:
        """All spans so far, by name."""
        proto = pytest.importorskip("opentelemetry.proto.collector.trace.v1.trace_service_pb2")
        found: dict[str, Any] = {}
        for body in list(self.bodies):
            for resource in proto.ExportTraceServiceRequest.FromString(body).resource_spans:
                for scope in resource.scope_spans:
                    found |= {span.name: span for span in scope.spans}
        return found


class Taking(http.server.BaseHTTPRequestHandler):
    """Takes spans."""

    server: Collector

    def do_POST(self) -> None:
        self.server.bodies.append(self.rfile.read(int(self.headers["content-length"])))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@pytest.fixture
def collector() -> Iterator[Collector]:
    pytest.importorskip("opentelemetry.exporter.otlp.proto.http.trace_exporter")
    with Collector() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_a_request_and_what_follows_from_it_are_one_trace(collector: Collector, tmp_path: Path) -> None:
    where = f"http://127.0.0.1:{collector.server_port}/v1/traces"
    with gateway(tmp_path, app="tests.drill.shop:create", traces=where) as (_, http):
        header = f"00-{TRACE}-{ABOVE}-01"
        told = http.post(PLACE, order("order-1"), traceparent=header)
        assert told.status == 200
        refused = http.post(PLACE, order("order-1"))
        assert refused.status == 422
        names = {"order.place", "shipping handle", "shipping send parcel.ship"}
        until(lambda: names <= collector.spans().keys(), 20.0, "three spans")
    found = collector.spans()
    step, sent = found["shipping handle"], found["shipping send parcel.ship"]
    assert {step.trace_id.hex(), sent.trace_id.hex()} == {TRACE}
    assert step.parent_span_id.hex() == told.json["id"][16:]
    assert sent.parent_span_id == step.span_id


def test_without_the_setting_a_request_names_the_correlation_all_the_same(tmp_path: Path) -> None:
    with gateway(tmp_path, app="tests.drill.shop:create") as (_, http):
        id = http.post(PLACE, order(f"x{LOST}"), traceparent=f"00-{TRACE}-{ABOVE}-01").json["id"]
        chain = http.get(f"/api/trace/{id}").json
        assert TRACE in str(chain)
