"""What the jobs told a worker when it renewed its lease."""

from __future__ import annotations

from typing import NamedTuple

from dutiful.core.instant import SECOND

_REVIEW = 10 * SECOND


class Review(NamedTuple):
    """What the jobs told a worker; one without claims need not ask at every renewal."""

    at: int
    fleet: int
    """How many workers there were."""
    cancels: tuple[str, ...]
    holds: bool
    orphans: bool

    def fresh(self, ticks: int) -> bool:
        """Whether what was told may still be believed."""
        return ticks - self.at < _REVIEW
