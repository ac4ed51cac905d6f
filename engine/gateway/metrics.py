"""Metrics: what the node counts, as Prometheus reads it.

    GET /metrics

The numbers are those of `engine.reading.metrics`, which reads them from the node's shared pages when they are
asked for; here stands only their form. What the gateway itself knows is added: another family of `_own`.
"""

from collections.abc import Iterator
from itertools import groupby

from prometheus_client import CollectorRegistry
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import Response

import engine.base
from engine.gateway.context import Context
from engine.gateway.parameters import expect_known
from engine.model.access import Role
from engine.reading import metrics
from engine.reading.metrics import COUNTER, FAMILIES, HISTOGRAM, Distribution, Sample


class Metrics:
    """The route for Prometheus."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(NodeCollector(context))

    async def get(self, request: Request) -> Response:
        """All numbers, in the form that the scraper accepts."""
        request.scope["caller"].expect(Role.OPERATOR)
        expect_known(request)
        encode, kind = choose_encoder(request.headers.get("accept", ""))
        body = await self._context.read(encode, self._registry)
        return Response(body, headers={"content-type": kind})


class NodeCollector(Collector):
    """The metrics of a node as families of Prometheus."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._node = metrics.Metrics(context.endpoints, engine.__version__)

    def collect(self) -> Iterator[Metric]:
        """The families, each with its samples."""
        for name, samples in groupby(self._node.samples(), key=lambda sample: sample.name):
            yield family_of(name, list(samples))
        yield from self._own()

    def _own(self) -> Iterator[Metric]:
        streams = self._context.hub.count
        yield GaugeMetricFamily("ringfold_gateway_streams", "Streams of events that are open.", value=streams)


def family_of(name: str, samples: list[Sample]) -> Metric:
    """The samples of one name."""
    family = FAMILIES[name]
    if family.kind == HISTOGRAM:
        histogram = HistogramMetricFamily(name, family.help, labels=family.labels)
        for _, labels, value in samples:
            assert isinstance(value, Distribution)
            buckets = [(str(bound), float(count)) for bound, count in value.buckets]
            histogram.add_metric(labels, [*buckets, ("+Inf", float(value.values))], value.total)
        return histogram
    if family.kind == "info":
        info = InfoMetricFamily(name, family.help)
        for _, labels, _ in samples:
            info.add_metric([], dict(zip(family.labels, labels, strict=True)))
        return info
    kind = CounterMetricFamily if family.kind == COUNTER else GaugeMetricFamily
    plain = kind(name, family.help, labels=family.labels)
    for _, labels, value in samples:
        assert not isinstance(value, Distribution)
        plain.add_metric(labels, value)
    return plain
