"""Jobs whose next crash is their last: one of them runs at a time, the others have turns."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from dutiful.core.instant import SECOND
from dutiful.core.job import Job
from dutiful.core.outcome import Snoozed

_GAP_MIN, _GAP_MAX = 0.05, 2.0
"""Seconds between the turns of jobs that run apart: about as long as a job takes."""
_TURNS_MAX = 60.0
"""Seconds within which the last of them has its turn; then it is looked at again."""


class Apart:
    """The turns of one worker.

    The crash of a worker counts for every job that it held. Run apart, the one that kills
    workers dies of it, and those that were only beside it live. Each gets a turn of its own:
    with one delay for all, all but one of them would come back in vain.
    """

    def __init__(self, crashes_max: int, time: Callable[[], float]) -> None:
        """Begin without any; ``time`` is the loop's, and a job dies of ``crashes_max`` crashes."""
        self._last_crash = crashes_max - 1
        self._time = time
        self._next = 0.0
        """When the last job that was put off has its turn, by the loop's clock."""

    def put_off(self, job: Job, running: Iterable[Job], seconds: float) -> Snoozed | None:
        """Put a job off while another such job runs here; a job takes ``seconds`` on average."""
        last = self._last_crash
        if not 0 < last <= job.crashes:
            return None
        if any(other.crashes >= last for other in running):
            now = self._time()
            turn = max(self._next, now) + min(max(seconds, _GAP_MIN), _GAP_MAX)
            self._next = min(turn, now + _TURNS_MAX)
            return Snoozed(int((self._next - now) * SECOND))
        return None
