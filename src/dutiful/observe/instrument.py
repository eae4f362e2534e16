"""What an instrument is: one metric as Prometheus and OpenTelemetry know it."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

import msgspec


class Kind(StrEnum):
    """How the values of a metric are to be read."""

    COUNTER = "counter"
    """Only grows while the process lives."""
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


class MetricGroup(StrEnum):
    """The part of the dashboard, and of the reference page, in which a metric is shown."""

    QUEUES = "Queues"
    JOBS = "Jobs"
    WORKERS = "Workers"
    SCHEDULES = "Schedules"
    STORE = "Store"


class Panel(NamedTuple):
    """A graph of the dashboard; ``[$w]`` stands for the window of a rate."""

    title: str
    expr: str
    legend: str
    unit: str = "short"
    """As Grafana names units."""


class Instrument(msgspec.Struct, frozen=True, kw_only=True):
    """One metric."""

    group: MetricGroup
    name: str
    kind: Kind
    help: str
    """One sentence for people who see the metric for the first time."""
    source: str
    """Where its values come from."""
    labels: tuple[str, ...] = ()
    unit: str = ""
    buckets: tuple[float, ...] = ()
    """Upper limits of a histogram's buckets, in its unit; +Inf is added."""
    panels: tuple[Panel, ...] = ()
    stored: bool = False
    """Whether its values come from the store, so that all processes report the same."""


class PrometheusRule(NamedTuple):
    """An alert of Prometheus."""

    name: str
    expr: str
    after: str
    """For how long the expression must be true."""
    severity: str
    summary: str
    """What an operator reads; ``{{ $labels.queue }}`` and ``{{ $value }}`` are filled in."""
    command: str
    """What shows more."""
