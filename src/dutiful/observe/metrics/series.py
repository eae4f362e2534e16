"""The numbers themselves: values by labels, snapshots of them, and the sum of several."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from dutiful.observe.instrument import Instrument, Kind
from dutiful.observe.instruments import BY_NAME

Labels = tuple[str, ...]


class Point(msgspec.Struct, array_like=True):
    """The value of one combination of labels."""

    labels: Labels
    value: float
    """Of a histogram the sum of all that was observed."""
    counts: list[int] = []
    """Of a histogram how many values lie in each bucket, +Inf last."""


Points = dict[str, list[Point]]


class Snapshot(msgspec.Struct):
    """All metrics of a process at one moment."""

    process: Points = {}
    """What the process counted itself, and how it is."""
    store: Points = {}
    """What it read from the store."""
    read_at: float = 0.0
    """When it was read, by the host's monotonic clock; 0 when it never was."""

    def points(self, instrument: Instrument) -> list[Point]:
        """Return the values of an instrument; points that do not fit it are left out."""
        part = self.store if instrument.stored else self.process
        return [point for point in part.get(instrument.name, ()) if fits(instrument, point)]


class Series:
    """Counters and histograms that grow. Not for several threads at the same time."""

    def __init__(self) -> None:
        """Start with the counters that have no labels, at zero."""
        self._points: dict[str, dict[Labels, Point]] = {name: {} for name in BY_NAME}
        self._bounds = {one.name: one.buckets for one in BY_NAME.values()}
        for one in BY_NAME.values():
            if one.kind is Kind.COUNTER and not (one.labels or one.stored):
                self.add(one.name, ())

    def add(self, name: str, labels: Labels, count: float = 0) -> None:
        """Add to a counter."""
        points = self._points[name]
        point = points.get(labels)
        if point is None:
            points[labels] = Point(labels, count)
        else:
            point.value += count

    def observe(self, name: str, labels: Labels, values: Sequence[float]) -> None:
        """Add values to a histogram, one at least."""
        bounds = self._bounds[name]
        point = self._points[name].get(labels)
        if point is None:
            point = self._points[name][labels] = Point(labels, 0.0, [0] * (len(bounds) + 1))
        if (least := min(values)) < 0:  # a clock was set back, or another program wrote the time
            values = [max(value, 0.0) for value in values]
        point.value += sum(values)
        # Most values of a batch lie in one bucket: then two of them say so.
        first = bisect_left(bounds, least)
        if first == bisect_left(bounds, max(values)):
            point.counts[first] += len(values)
            return
        # A batch of waits is sorted already, backwards, as jobs are given out by age.
        ordered, below = sorted(values), 0
        for index, bound in enumerate(bounds[first:], first):
            upto = bisect_right(ordered, bound, below)
            point.counts[index] += upto - below
            below = upto
        point.counts[-1] += len(values) - below

    def points(self) -> Points:
        """Copy what there is."""
        return {
            name: [Point(one.labels, one.value, list(one.counts)) for one in points.values()]
            for name, points in self._points.items()
            if points
        }


def fits(instrument: Instrument, point: Point) -> bool:
    """Whether a point, perhaps of another release, belongs to an instrument."""
    buckets = len(instrument.buckets) + 1 if instrument.kind is Kind.HISTOGRAM else 0
    return len(point.labels) == len(instrument.labels) and len(point.counts) == buckets


def total(snapshots: Iterable[Snapshot], ended: Mapping[str, list[Point]]) -> Snapshot:
    """Sum what processes report; ``ended`` are counts of those that have ended.

    Counters and histograms are added. Gauges of a process name it, so they stay apart. What the
    store holds is taken from the latest reading.
    """
    found = list(snapshots)
    newest = max(found, key=lambda one: one.read_at, default=Snapshot())
    parts = [ended, *(one.process for one in found)]
    return Snapshot(_sum(parts), newest.store, newest.read_at)


def counts(parts: Iterable[Mapping[str, list[Point]]]) -> Points:
    """Sum the counters and histograms, and leave out the gauges."""
    return {
        name: points for name, points in _sum(parts).items() if BY_NAME[name].kind is not Kind.GAUGE
    }


def _sum(parts: Iterable[Mapping[str, list[Point]]]) -> Points:
    found: dict[str, dict[Labels, Point]] = {}
    for part in parts:
        for name, points in part.items():
            if (instrument := BY_NAME.get(name)) is None:
                continue
            into = found.setdefault(name, {})
            for point in points:
                if fits(instrument, point):
                    _add(into, point, instrument.kind)
    return {name: list(points.values()) for name, points in found.items()}


def _add(into: dict[Labels, Point], point: Point, kind: Kind) -> None:
    known = into.get(point.labels)
    if known is None or kind is Kind.GAUGE:
        into[point.labels] = Point(point.labels, point.value, list(point.counts))
        return
    known.value += point.value
    known.counts = [one + other for one, other in zip(known.counts, point.counts, strict=True)]
