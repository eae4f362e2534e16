"""Keeps the ends of jobs that another session has locked, until they can be written."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from dutiful.core.job import Claim
from dutiful.core.outcome import Outcome

_FIRST, _MOST = 0.5, 5.0
HELD_MOST = 1000
"""How many ends are kept in memory; then no more jobs are claimed."""

End = tuple[Claim, Outcome]


class Delayed:
    """Keeps ends apart from those that can be written, and gives them out to be tried again."""

    def __init__(self, time: Callable[[], float]) -> None:
        """Keep nothing yet; ``time`` is the loop's."""
        self._time = time
        self._ends: list[End] = []
        self._reported: set[str] = set()
        self._due_at = 0.0
        self._pause = _FIRST

    def __len__(self) -> int:
        """Return how many ends are kept."""
        return len(self._ends)

    @property
    def full(self) -> bool:
        """Whether no more may be kept."""
        return len(self._ends) >= HELD_MOST

    @property
    def due_in(self) -> float | None:
        """The seconds until they are to be tried again; None without any."""
        return max(self._due_at - self._time(), 0) if self._ends else None

    def ids(self) -> set[str]:
        """Return the ids of the jobs."""
        return {claim.job.id for claim, _ in self._ends}

    def adopt(self, claim: Claim) -> None:
        """Let the end of a job be sent by a newer claim of it."""
        self._ends = [
            (claim, outcome) if older.job.id == claim.job.id else (older, outcome)
            for older, outcome in self._ends
        ]

    def drop(self, claims: Iterable[Claim]) -> None:
        """Forget what is known of ends that were taken and are not sent any more."""
        self._reported -= {claim.job.id for claim in claims}

    def take(self) -> list[End]:
        """Return what is to be tried again now, and forget it."""
        if not self._ends or self._time() < self._due_at:
            return []
        ends, self._ends = self._ends, []
        return ends

    def keep(self, ends: list[End], delayed: tuple[str, ...]) -> tuple[str, ...]:
        """Keep those of some ends that were not written; return the ids that are new here."""
        if not (delayed or self._reported or self._ends):
            self._pause = _FIRST
            return ()
        wanted = set(delayed)
        tried = {claim.job.id for claim, _ in ends}
        self._reported -= tried - wanted
        fresh = wanted - self._reported
        if not wanted:
            if not self._ends:
                self._pause = _FIRST
            return ()
        self._ends += [end for end in ends if end[0].job.id in wanted]
        self._reported |= wanted
        self._pause = _FIRST if fresh else min(self._pause * 2, _MOST)
        self._due_at = self._time() + self._pause
        return tuple(sorted(fresh))
