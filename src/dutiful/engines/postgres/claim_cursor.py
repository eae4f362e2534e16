"""Where in the queue a claim starts, when there are dead index entries at the head.

Claimed jobs leave dead entries in the index of ready jobs until vacuum removes them, and vacuum
cannot remove them while an old snapshot is open. A claim that starts at the head of the queue scans
all of them. So the cost of that scan is measured, and the higher it is, the less often the head is
scanned: in between, claims start after the last job that was claimed. A job that gets a position
before that one (one of higher priority, a released one, one committed late) waits for the next scan
of the head.
"""

from __future__ import annotations

from collections.abc import Callable

Position = tuple[int, int, int]
"""Negated priority, time and number of a job: the order of the queue."""

_SHARE = 20
"""The reciprocal of the share of time that scans of the head may take."""
_CALIBRATE = 16
"""After this many large claims from the head, one starts at the cursor, for a comparison."""
_LARGE = 200
_TRIP = 2_000
_PER_JOB = 30
"""Microseconds that a claim, and each job in it, may take; the rest counts as scanning."""
_SMALL_WALK = 10_000
_SMALL_TIMES = 3
"""One small claim proves little: only this many in a row, each with a scan of this many
microseconds, count. Released jobs must not wait because the machine is busy."""
_WEIGHT = 0.3
_LONG_LOOK = 1_000
"""Microseconds that the search of an empty queue may take; more means that it has dead entries."""

_PASSED_OVER, _PASSED_OVER_MOST = 50_000, 1_000_000
"""Microseconds until the next search for due jobs that other sessions have locked: first, most."""


class QueueCursor:
    """The position in one queue where the claims of one process start."""

    def __init__(self) -> None:
        """Start at the head."""
        self._last: Position | None = None
        self._per_job: float = _PER_JOB
        self._walk = 0.0
        self._walked_at = 0
        self._heads = 0
        self._dear = 0
        self._large = False
        self._long = False
        """Whether the search was slow when the queue was last empty."""
        self._pause = 0
        self._again_at = 0

    def newest(self) -> Position | None:
        """Return the position after which to claim first when a notification has come.

        None means the head. The rest of the queue has to be searched directly after that.
        """
        return self._last if self._long else None

    def start(self, now: int) -> Position | None:
        """Return the position after which to claim, or None for the head of the queue."""
        if self._last is None:
            return None
        if self._walk and self.walk_in(now) > 0:
            return self._last
        if self._large and self._heads >= _CALIBRATE:
            return self._last
        return None

    def walk_in(self, now: int) -> int:
        """Return the microseconds until the head of the queue may be scanned again."""
        return max(0, int(self._walked_at + self._walk * _SHARE) - now)

    def learn(
        self, start: Position | None, took: int, count: int, last: Position | None, now: int
    ) -> None:
        """Record how long a claim from ``start`` took, how many jobs it found, and up to where."""
        self._last = last or self._last
        self._large = count >= _LARGE
        if start is not None:
            self._heads = 0
            if self._large:
                self._per_job += _WEIGHT * (took / count - self._per_job)
            return
        self._heads += 1
        self._walked_at = now
        if not count:
            self._long = took > _LONG_LOOK
        walk = took - _TRIP - count * self._per_job
        self._dear = self._dear + 1 if walk > _SMALL_WALK else 0
        believed = walk > _TRIP if self._large else self._dear >= _SMALL_TIMES
        self._walk = walk if believed else 0.0

    def passed_over(self, now: int) -> None:
        """Record that due jobs could not be staged, since other sessions have locked them."""
        if now >= self._again_at:
            self._pause = min(max(2 * self._pause, _PASSED_OVER), _PASSED_OVER_MOST)
            self._again_at = now + self._pause

    def staged(self) -> None:
        """Record that the due jobs have been staged."""
        self._pause = self._again_at = 0

    def again_in(self, now: int) -> int:
        """Return the microseconds until the locked jobs may be searched for again."""
        return max(0, self._again_at - now)


class ClaimCursors:
    """The cursors of all queues that one process claims from."""

    def __init__(self, ticks: Callable[[], int]) -> None:
        """Start without cursors; ``ticks`` are microseconds that only grow."""
        self.ticks = ticks
        self._cursors: dict[str, QueueCursor] = {}

    def of_queue(self, queue: str) -> QueueCursor:
        """Return the cursor of a queue."""
        cursor = self._cursors.get(queue)
        if cursor is None:
            cursor = self._cursors[queue] = QueueCursor()
        return cursor
