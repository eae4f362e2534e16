"""How many jobs to claim in one exchange: few long ones, many short ones."""

from __future__ import annotations

RESERVE_MAX = 4000
STALE_SECONDS = 0.5
"""A prefetched job that has not started after this many seconds is released."""
_TRIPS = 2.0
"""For how many round trips to the store the prefetched jobs should last."""
_WEIGHT = 0.05
_TRIP_WEIGHT = 0.3


class Prefetch:
    """Measures how long jobs and claims take, and prefetches just enough jobs.

    The reserve covers the round trip of the next claim and no more: a larger one would keep jobs
    from idle workers, and a crash would count for jobs that had not begun.
    """

    def __init__(self, slots: int, most: int = RESERVE_MAX) -> None:
        """Start with no reserve until jobs were measured; it never holds more than ``most``."""
        self._slots = slots
        self._most = most
        self._seconds: float | None = None
        self._trip = 0.0

    def observe_trip(self, seconds: float) -> None:
        """Record how long one exchange with the store took."""
        self._trip += _TRIP_WEIGHT * (seconds - self._trip)

    def observe(self, seconds: float) -> None:
        """Record how long a job held its slot."""
        known = self._seconds
        self._seconds = seconds if known is None else known + _WEIGHT * (seconds - known)

    @property
    def seconds(self) -> float:
        """How long a job holds its slot on average; 0 while nothing is known."""
        return self._seconds or 0.0

    def shrink(self) -> None:
        """Start again without a reserve: the prefetched jobs did not start in time."""
        self._seconds = None

    def reserve(self) -> int:
        """Return how many jobs to hold beyond the running ones."""
        return min(self._most, int(self._per_second() * self._trip * _TRIPS))

    def surplus(self, waiting: int) -> int:
        """Return how many of the ``waiting`` jobs to release because they would not start in time.

        After a pause of the whole process, the jobs that ran during it seem to be long. If all jobs
        beyond the reserve of that moment were released, many short jobs would be claimed twice.
        """
        startable = int(self._per_second() * STALE_SECONDS)
        return max(waiting - self._slots - max(startable, 2 * self.reserve()), 0)

    def limit(self, running: int, waiting: int) -> int:
        """Return how many to claim now; 0 while the reserve is full."""
        reserve = self.reserve()
        if waiting and waiting >= reserve:
            return 0
        return max(self._slots - running - waiting + reserve, 0)

    def _per_second(self) -> float:
        return 0.0 if self._seconds is None else self._slots / max(self._seconds, 1e-6)
