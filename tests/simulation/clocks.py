"""The clocks of a simulated world: one loop's time, seen askew."""

from __future__ import annotations

import asyncio

EPOCH = 1_767_225_600_000_000
"""The instant at which every world begins: 2026-01-01 in microseconds."""


class WorldClock:
    """One host's clocks: ticks only grow, the wall clock may be wrong and may be stepped."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        *,
        askew: float = 0.0,
        booted: float = 0.0,
        rate: float = 1.0,
    ) -> None:
        """Take the wall clock's error and the time since boot in seconds, and the quartz's rate."""
        self.askew = askew
        self._loop = loop
        self._booted = booted
        self._rate = rate

    def now(self) -> int:
        """Return the wall clock."""
        return EPOCH + round((self._loop.time() * self._rate + self.askew) * 1_000_000)

    def ticks(self) -> int:
        """Return the microseconds since this host's boot."""
        return round((self._loop.time() * self._rate + self._booted) * 1_000_000)

    def step(self, seconds: float) -> None:
        """Set the wall clock forward or back."""
        self.askew += seconds
