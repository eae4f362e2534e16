"""Shows a snapshot as Prometheus reads it, by prometheus_client (extra ``metrics``)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import accumulate
from typing import TYPE_CHECKING

from dutiful.core.errors import UsageError
from dutiful.observe.instrument import Instrument, Kind
from dutiful.observe.instruments import INSTRUMENTS

from .series import Point, Snapshot

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry
    from prometheus_client.metrics_core import Metric

TakeSnapshot = Callable[[], Snapshot]


def registry_of(take: TakeSnapshot) -> CollectorRegistry:
    """Make a registry that holds Dutiful's metrics alone; UsageError without prometheus_client."""
    try:
        from prometheus_client import CollectorRegistry
    except ImportError as error:
        raise UsageError(
            "metrics need prometheus_client, which is not installed; install dutiful[metrics]"
        ) from error
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collector(take))
    return registry


def rendered(registry: CollectorRegistry, accept: str) -> tuple[bytes, str]:
    """Write a registry in the format that a scraper accepts; return body and content type."""
    from prometheus_client.exposition import choose_encoder

    encode, content_type = choose_encoder(accept)
    return encode(registry), content_type


class _Collector:
    """Turns a snapshot into families, for each scrape."""

    def __init__(self, take: TakeSnapshot) -> None:
        self._take = take

    def describe(self) -> list[Metric]:
        """Return nothing: registering must not read the store."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Yield a family for each instrument that has values."""
        snapshot = self._take()
        for one in INSTRUMENTS:
            if points := snapshot.points(one):
                yield _family(one, points)


def _family(one: Instrument, points: list[Point]) -> Metric:
    from prometheus_client.metrics_core import (
        CounterMetricFamily,
        GaugeMetricFamily,
        HistogramMetricFamily,
    )

    if one.kind is Kind.HISTOGRAM:
        histogram = HistogramMetricFamily(one.name, one.help, labels=one.labels)
        limits = [*map(_limit, one.buckets), "+Inf"]
        for point in points:
            buckets = list(zip(limits, accumulate(map(float, point.counts)), strict=True))
            histogram.add_metric(point.labels, buckets, point.value)
        return histogram
    make = CounterMetricFamily if one.kind is Kind.COUNTER else GaugeMetricFamily
    family = make(one.name, one.help, labels=one.labels)
    for point in points:
        family.add_metric(point.labels, point.value)
    return family


def _limit(bound: float) -> str:
    """Write a bucket's limit as prometheus_client does."""
    return repr(float(bound))
