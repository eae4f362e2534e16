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
_CONVENTIONS = {
    "dutiful_jobs_enqueued_total": "messaging.client.sent.messages",
    "dutiful_jobs_claimed_total": "messaging.client.consumed.messages",
    "dutiful_job_run_seconds": "messaging.process.duration",
    "dutiful_store_call_seconds": "messaging.client.operation.duration",
}
"""What the semantic conventions for messaging have a name for."""
_ATTRIBUTES = {"queue": "messaging.destination.name", "operation": "messaging.operation.name"}
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
    histograms: dict[str, tuple[Histogram, Instrument]] = {}
    for one in INSTRUMENTS:
        name, unit = _name(one), _UNITS.get(one.unit, "1")
        if one.kind is Kind.HISTOGRAM:
            made = meter.create_histogram(
                name, unit, one.help, explicit_bucket_boundaries_advisory=one.buckets
            )
            histograms[one.name] = made, one
        elif one.kind is Kind.COUNTER:
            meter.create_observable_counter(name, [_reading(one, take)], unit, one.help)
        else:
            meter.create_observable_gauge(name, [_reading(one, take)], unit, one.help)

    def observe(name: str, labels: Labels, values: Sequence[float]) -> None:
        histogram, one = histograms[name]
        attributes = _attributes(one, labels)
        for value in values:
            histogram.record(value, attributes)

    return observe


def _name(one: Instrument) -> str:
    """Name it as OpenTelemetry does: by convention, or with dots, without its unit and kind."""
    if (name := _CONVENTIONS.get(one.name)) is not None:
        return name
    bare = one.name.removesuffix("_total").removesuffix(f"_{one.unit}" if one.unit else "")
    return bare.replace("_", ".", 1)


def _attributes(one: Instrument, labels: Labels) -> dict[str, str]:
    found = {
        _ATTRIBUTES.get(name, f"dutiful.{name}"): value
        for name, value in zip(one.labels, labels, strict=True)
    }
    return found | {"messaging.system": "dutiful"}


def _reading(
    one: Instrument, take: TakeSnapshot
) -> Callable[[CallbackOptions], Iterable[Observation]]:
    from opentelemetry.metrics import Observation

    def read(options: CallbackOptions) -> Iterator[Observation]:
        for point in take().points(one):
            yield Observation(point.value, _attributes(one, point.labels))

    return read
