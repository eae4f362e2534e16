"""How many jobs to claim at once: few long ones, many short ones."""

from __future__ import annotations

HORIZON = 0.05
"""Seconds of work to hold in reserve: what covers the round trip of the next claim."""
RESERVE_MAX = 2000
_WEIGHT = 0.05


class Appetite:
    """Learns how long jobs take and keeps just enough of them at hand.

    A reserve larger than what soon starts would keep jobs from idle workers elsewhere.
    """

    def __init__(self, slots: int) -> None:
        """Start with no reserve, until something is known."""
        self._slots = slots
        self._seconds: float | None = None

    def observe(self, seconds: float) -> None:
        """Learn how long a job held its slot."""
        known = self._seconds
        self._seconds = seconds if known is None else known + _WEIGHT * (seconds - known)

    def shrink(self) -> None:
        """Forget the reserve: what was claimed ahead did not start in time."""
        self._seconds = None

    def reserve(self) -> int:
        """Return how many jobs to hold beyond the running ones."""
        if self._seconds is None:
            return 0
        return min(RESERVE_MAX, int(self._slots * HORIZON / max(self._seconds, 1e-6)))

    def limit(self, running: int, waiting: int) -> int:
        """Return how many to claim now; 0 while the reserve is still half full."""
        reserve = self.reserve()
        free = self._slots - running - waiting
        if waiting > reserve // 2:
            return 0
        return max(free + reserve, 0)
