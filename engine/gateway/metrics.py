"""Metrics: the status page and what the node says of itself, as Prometheus reads it.

    GET /metrics

A collector makes the numbers when they are asked for, so nothing is counted for it on the way of a command.
More of them: another family that `collect` yields.
"""

from collections.abc import Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import Response

import engine.base
from engine.base.files import free_bytes
from engine.gateway.context import Context
from engine.gateway.parameters import expect_known
from engine.model.access import Role
from engine.node.overview import with_lags

GAUGES = {  # of a row of the overview: key → (name, meaning)
    "sequence": ("ringfold_process_sequence", "Last command sequence that a process handled."),
    "position": ("ringfold_process_position", "Last event position that a process made, stored or applied."),
    "lag": ("ringfold_process_lag", "Commands or events that a process is behind the one before it."),
    "dead_letters": ("ringfold_dead_letters", "Aggregates that a follower has set aside."),
    "outbox": ("ringfold_outbox", "Commands of a process manager that wait for their answer."),
    "timers": ("ringfold_timers", "Timers of a process manager that are set."),
}


class Metrics:
    """The route for Prometheus."""

    def __init__(self, context: Context) -> None:
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(NodeCollector(context))

    async def get(self, request: Request) -> Response:
        """All numbers, in the form that the scraper accepts."""
        request.scope["caller"].expect(Role.OPERATOR)
        expect_known(request)
        encode, kind = choose_encoder(request.headers.get("accept", ""))
        return Response(encode(self._registry), headers={"content-type": kind})


class NodeCollector(Collector):
    """What the status page of a node shows today."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def collect(self) -> Iterator[Metric]:
        """The families, each with its samples."""
        context = self._context
        rows = with_lags(context.page.snapshot(), context.endpoints)
        up = GaugeMetricFamily("ringfold_process_up", "1 if a process is at work.", labels=["process"])
        for name, row in rows.items():
            up.add_metric([name], float(row["state"] == "running"))
        yield up
        restarts = CounterMetricFamily(
            "ringfold_process_restarts", "Times that a process was started again.", labels=["process"]
        )
        for name, row in rows.items():
            restarts.add_metric([name], row["restarts"])
        yield restarts
        for key, (metric, meaning) in GAUGES.items():
            family = GaugeMetricFamily(metric, meaning, labels=["process"])
            for name, row in rows.items():
                if row[key] is not None:
                    family.add_metric([name], row[key])
            yield family
        free = free_bytes(context.data.path)
        yield GaugeMetricFamily("ringfold_disk_free_bytes", "Room on the disk of the data.", value=free)
        streams = context.hub.count
        yield GaugeMetricFamily("ringfold_gateway_streams", "Streams of events that are open.", value=streams)
        build = GaugeMetricFamily("ringfold_build_info", "What runs.", labels=["version", "application"])
        build.add_metric([engine.__version__, context.endpoints.app], 1)
        yield build
