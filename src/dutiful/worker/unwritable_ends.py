"""The ends of attempts that a store refuses in every form, and how often they were tried."""

from __future__ import annotations

from collections.abc import Iterable

from dutiful.core.event import Emit, Event, OutcomeRefused

_TRIES = 4
"""How often an end is sent to a store that refuses it in every form."""


class UnwritableEnds:
    """Counts the tries of each such end; one that is written at last is forgotten."""

    def __init__(self, emit: Emit) -> None:
        """Know none yet."""
        self._emit = emit
        self._tries: dict[str, int] = {}

    def __contains__(self, job_id: str) -> bool:
        """Whether the end of a job is known as one that was refused."""
        return job_id in self._tries

    def tell(self, event: Event) -> None:
        """Emit an event, but only once for each end that cannot be stored."""
        if isinstance(event, OutcomeRefused):
            if event.job_id in self._tries:
                return
            self._tries[event.job_id] = 0
        self._emit(event)

    def again(self, job_id: str) -> bool:
        """Whether to keep an end that could not be stored; otherwise the job is left to rescue."""
        if job_id not in self._tries:
            return True
        self._tries[job_id] += 1
        return self._tries[job_id] < _TRIES

    def given_up(self) -> set[str]:
        """Return the ids of the jobs that are left to rescue."""
        return {job_id for job_id, tries in self._tries.items() if tries >= _TRIES}

    def forget(self, job_ids: Iterable[str], *, rescued: bool) -> None:
        """Forget jobs that are not held any more; those left to rescue only if they are not."""
        if self._tries:
            for job_id in job_ids:
                if not (rescued and self._tries.get(job_id, 0) >= _TRIES):
                    self._tries.pop(job_id, None)
