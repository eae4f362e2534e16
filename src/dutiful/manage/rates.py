"""How fast queues fill and empty, from counts that were taken one after the other."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import NamedTuple

from dutiful.core.alerting.sample import Activity
from dutiful.core.instant import MINUTE, SECOND

from .frame_records import Trend
from .reading import length

WINDOW = 30 * SECOND
"""Over this time rates are measured, once a view is so old."""
_LEAST = 8 * SECOND
"""Workers write their counts every five seconds: what is nearer than this says little."""
_POINTS_MAX = 600
_SHARE_MIN = 0.02
"""A depth that changed by a smaller part of itself, or by less than `_JOBS_MIN`, is steady."""
_JOBS_MIN = 2
_STUCK_AFTER = MINUTE
KEEPS_UP = 2
"""A queue whose waiting jobs end within so many seconds keeps up with what arrives."""

Ended = Mapping[tuple[str, int], int]
"""How many jobs have ended, by queue and by the minute's first instant."""


class _Point(NamedTuple):
    at: int
    ended: Ended
    waiting: Mapping[str, int]


class Outlook(NamedTuple):
    """What becomes of a queue's waiting jobs."""

    trend: Trend
    empty_in: timedelta | None = None


class Rates:
    """Keeps the counts of the last half minute; instants are microseconds of one clock."""

    def __init__(self) -> None:
        """Know nothing yet."""
        self._ended: deque[_Point] = deque(maxlen=_POINTS_MAX)
        self._counted: deque[_Point] = deque(maxlen=_POINTS_MAX)

    def add_ended(self, at: int, rows: Iterable[Activity]) -> None:
        """Add what has ended by minute, of the last minutes."""
        ended: dict[tuple[str, int], int] = {}
        for row in rows:
            if row.kind == "task":
                key = (row.queue, row.at)
                ended[key] = ended.get(key, 0) + row.succeeded + row.dead
        _add(self._ended, _Point(at, ended, {}))

    def add_counted(self, at: int, waiting: Mapping[str, int]) -> None:
        """Add how many jobs wait in each queue."""
        _add(self._counted, _Point(at, {}, waiting))

    def rate(self, queue: str) -> float | None:
        """Return how many jobs a second have ended; None while nothing is known.

        Of the first seconds the rate is that of the current and the last whole minute.
        """
        if not self._ended:
            return None
        first, last = self._ended[0], self._ended[-1]
        if last.at - first.at >= _LEAST:
            begin = first.at // MINUTE * MINUTE
            count = sum(
                max(ended - first.ended.get(key, 0), 0)
                for key, ended in last.ended.items()
                if key[0] == queue and key[1] >= begin
            )
            return count * SECOND / (last.at - first.at)
        begin = last.at // MINUTE * MINUTE - MINUTE
        found = sum(n for (name, at), n in last.ended.items() if name == queue and at >= begin)
        return found * SECOND / (last.at - begin)

    def growth(self, queue: str) -> float | None:
        """Return by how many waiting jobs a second a queue grew; None until that is known."""
        if not self._counted:
            return None
        first, last = self._counted[0], self._counted[-1]
        if last.at - first.at < _LEAST:
            return None
        before, now = first.waiting.get(queue, 0), last.waiting.get(queue, 0)
        if abs(now - before) < max(_JOBS_MIN, _SHARE_MIN * max(before, now)):
            return 0.0
        return (now - before) * SECOND / (last.at - first.at)


def _add(points: deque[_Point], point: _Point) -> None:
    if points and point.at <= points[-1].at:
        points.clear()  # the clock was set back
    points.append(point)
    while len(points) > 2 and points[1].at <= point.at - WINDOW:
        points.popleft()


def outlook(
    waiting: int,
    running: int,
    age: int,
    *,
    paused: bool,
    served: bool | None,
    rate: float | None,
    growth: float | None,
) -> Outlook:
    """Say what becomes of ``waiting`` jobs of which the oldest waits for ``age`` microseconds.

    Where jobs run and none has ended, they may just take long.
    """
    if not waiting:
        return Outlook("paused" if paused else "empty")
    if paused or served is False:
        return Outlook("paused" if paused else "unserved")
    if rate and waiting <= rate * KEEPS_UP:
        return Outlook("steady")
    if growth is not None and growth > 0:
        return Outlook("growing")
    if growth is not None and growth < 0:
        return Outlook("draining", length(round(waiting / -growth * SECOND)))
    if rate:
        if growth is None:
            return Outlook("at-least", length(round(waiting / rate * SECOND)))
        return Outlook("steady")
    if rate is None or running or age < _STUCK_AFTER:
        return Outlook("unknown")
    return Outlook("stuck")
