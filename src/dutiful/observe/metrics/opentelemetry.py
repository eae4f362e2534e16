"""Shows the same table to OpenTelemetry, by opentelemetry-api (extra ``otel``).

Without a configured SDK the API does nothing. Counters and gauges are read when the SDK collects;
only histograms are given each value, because the API has no call for many.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from dutiful.core.errors import UsageError
from dutiful.observe.instrument import Instrument, Kind
from dutiful.observe.instruments import INSTRUMENTS

from .recorder import Observer
from .series import Labels, Snapshot

if TYPE_CHECKING:
    from opentelemetry.metrics import CallbackOptions, Histogram, MeterProvider, Observation

_UNITS = {"seconds": "s", "bytes": "By"}
TakeSnapshot = Callable[[], Snapshot]


def observer_of(
    take: TakeSnapshot, version: str, provider: MeterProvider | None = None
) -> Observer:
    """Register all instruments; return what takes the values of histograms.

    ``provider`` is the global one by default. UsageError without opentelemetry-api.
    """
    try:
        from opentelemetry.metrics import get_meter
    except ImportError as error:
        raise UsageError(
            "this needs opentelemetry-api, which is not installed; install dutiful[otel]"
        ) from error
    meter = get_meter("dutiful", version, provider)
    histograms: dict[str, tuple[Histogram, tuple[str, ...]]] = {}
    for one in INSTRUMENTS:
        name, unit = _name(one), _UNITS.get(one.unit, "1")
        if one.kind is Kind.HISTOGRAM:
            made = meter.create_histogram(
                name, unit, one.help, explicit_bucket_boundaries_advisory=one.buckets
            )
            histograms[one.name] = made, one.labels
        elif one.kind is Kind.COUNTER:
            meter.create_observable_counter(name, [_reading(one, take)], unit, one.help)
        else:
            meter.create_observable_gauge(name, [_reading(one, take)], unit, one.help)

    def observe(name: str, labels: Labels, values: Sequence[float]) -> None:
        histogram, names = histograms[name]
        attributes = dict(zip(names, labels, strict=True))
        for value in values:
            histogram.record(value, attributes)

    return observe


def _name(one: Instrument) -> str:
    """Name it as OpenTelemetry does: with dots, and without what its unit and kind say."""
    bare = one.name.removesuffix("_total").removesuffix(f"_{one.unit}" if one.unit else "")
    return bare.replace("_", ".", 1)


def _reading(
    one: Instrument, take: TakeSnapshot
) -> Callable[[CallbackOptions], Iterable[Observation]]:
    from opentelemetry.metrics import Observation

    def read(options: CallbackOptions) -> Iterator[Observation]:
        for point in take().points(one):
            yield Observation(point.value, dict(zip(one.labels, point.labels, strict=True)))

    return read
