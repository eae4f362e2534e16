"""Delays jobs whose next crash would be their last, so that one of them runs at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from dutiful.core.instant import SECOND
from dutiful.core.job import Job
from dutiful.core.outcome import Snoozed

_GAP_MIN, _GAP_MAX = 0.05, 2.0
"""Seconds between the starts of jobs that run apart: about as long as a job takes."""
_TURNS_MAX = 60.0
"""Seconds within which the last of them may start; jobs beyond that are decided on again then."""


class Apart:
    """When such jobs of one worker may start.

    A crash of the worker counts for every job that it holds. When such jobs run one at a time,
    only the job that crashes workers becomes a dead letter. Each gets its own delay: with the
    same delay for all, they would come back together and all but one would be delayed again.
    """

    def __init__(self, crashes_max: int, time: Callable[[], float]) -> None:
        """Begin without any; ``time`` is the loop's, and a job dies of ``crashes_max`` crashes."""
        self._last_crash = crashes_max - 1
        self._time = time
        self._next = 0.0
        """When the last of the jobs that run apart may start, by the loop's clock."""

    def put_off(self, job: Job, running: Iterable[Job], seconds: float) -> Snoozed | None:
        """Delay a job while another such job runs here; a job takes ``seconds`` on average."""
        last = self._last_crash
        if not 0 < last <= job.crashes:
            return None
        if any(other.crashes >= last for other in running):
            now = self._time()
            turn = max(self._next, now) + min(max(seconds, _GAP_MIN), _GAP_MAX)
            self._next = min(turn, now + _TURNS_MAX)
            return Snoozed(int((self._next - now) * SECOND))
        return None
