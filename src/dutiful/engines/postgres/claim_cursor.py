"""Where in the queue a claim starts, when dead entries lie at its head.

Claimed jobs leave dead entries in the index of ready ones until vacuum removes them, and an old
snapshot keeps it from doing so for as long as it is open. A claim from the start of the line walks
over all of them. So what that walk costs is measured, and the more it costs the seldomer it is
made: in between, claims start behind the last job that was claimed. What comes to lie before that
place (a job of higher priority, one released, one committed late) waits for the next walk.
"""

from __future__ import annotations

from collections.abc import Callable

Position = tuple[int, int, int]
"""Priority with its sign turned, time and number: the order of the line."""

_SHARE = 20
"""One part in so many of the time may go into walks."""
_CALIBRATE = 16
"""So many large claims in a row start at the head before one starts behind, to be compared."""
_LARGE = 200
_TRIP = 2_000
_PER_JOB = 30
"""Microseconds that a claim, and each job of it, may take before the rest counts as walking."""
_SMALL_WALK = 10_000
_SMALL_TIMES = 3
"""A small claim tells little: only so many in a row, each with so long a walk, are believed. A busy
machine must not make jobs wait that were released."""
_WEIGHT = 0.3
_LONG_LOOK = 1_000
"""Microseconds that an empty line may take to look through; more is a walk over dead entries."""

_PASSED_OVER, _PASSED_OVER_MOST = 50_000, 1_000_000
"""Microseconds until the next look for due jobs that others have locked: at first, and at most."""


class QueueCursor:
    """One queue's line, as one process has seen it."""

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
        """Whether the line was slow to look through when it was last empty."""
        self._pause = 0
        self._again_at = 0

    def newest(self) -> Position | None:
        """Return the place behind which to claim first what has woken somebody.

        None for the head of the line. The rest of the line is to be looked at straight afterwards.
        """
        return self._last if self._long else None

    def start(self, now: int) -> Position | None:
        """Return the place behind which to claim, or None for the head of the line."""
        if self._last is None:
            return None
        if self._walk and self.walk_in(now) > 0:
            return self._last
        if self._large and self._heads >= _CALIBRATE:
            return self._last
        return None

    def walk_in(self, now: int) -> int:
        """Return the microseconds until the head of the line may be looked at again."""
        return max(0, int(self._walked_at + self._walk * _SHARE) - now)

    def learn(
        self, start: Position | None, took: int, count: int, last: Position | None, now: int
    ) -> None:
        """Note what a claim from ``start`` took, and how many jobs it found up to which place."""
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
        """Note that what is due cannot be staged, since other sessions have locked it."""
        if now >= self._again_at:
            self._pause = min(max(2 * self._pause, _PASSED_OVER), _PASSED_OVER_MOST)
            self._again_at = now + self._pause

    def staged(self) -> None:
        """Note that what was due has been staged."""
        self._pause = self._again_at = 0

    def again_in(self, now: int) -> int:
        """Return the microseconds until one may look again for what was passed over."""
        return max(0, self._again_at - now)


class ClaimCursors:
    """The lines of all queues that one process claims from."""

    def __init__(self, ticks: Callable[[], int]) -> None:
        """Know none yet; ``ticks`` are microseconds that only grow."""
        self.ticks = ticks
        self._cursors: dict[str, QueueCursor] = {}

    def of_queue(self, queue: str) -> QueueCursor:
        """Return the line of a queue."""
        cursor = self._cursors.get(queue)
        if cursor is None:
            cursor = self._cursors[queue] = QueueCursor()
        return cursor
