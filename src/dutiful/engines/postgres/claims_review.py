"""What a worker learned about its jobs when it renewed its lease."""

from __future__ import annotations

from typing import NamedTuple

from dutiful.core.instant import SECOND

_REVIEW = 10 * SECOND


class ClaimsReview(NamedTuple):
    """What a worker learned about its jobs; one without claims need not ask at every renewal."""

    at: int
    fleet: int
    """How many workers there were."""
    cancels: tuple[str, ...]
    holds: bool
    orphans: bool

    def fresh(self, ticks: int) -> bool:
        """Whether the answer is recent enough to be used."""
        return ticks - self.at < _REVIEW
