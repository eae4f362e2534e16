"""How fast a call goes through many jobs, and when it ends early."""

from __future__ import annotations

import asyncio

from dutiful.core.errors import BadOption
from dutiful.core.text import shown

RATE_MIN, RATE_MAX = 1 / 86_400, 1_000_000
_SLICE_SECONDS = 0.2


class Pace:
    """When the next batch may begin, and whether there is to be one."""

    def __init__(self, rate: float | None, stop: asyncio.Event | None) -> None:
        """Begin now; ``rate`` is in jobs a second."""
        self._rate = rate
        self._stop = stop
        self._begun = asyncio.get_running_loop().time()
        self.size = None if rate is None else max(1, int(rate * _SLICE_SECONDS))
        """How many jobs a batch may have; None is any number."""

    async def goes_on(self, done: int) -> bool:
        """Wait until more than ``done`` jobs may be done; False when the call is to end."""
        if self._rate is not None:
            due = self._begun + done / self._rate
            await self._pause(due - asyncio.get_running_loop().time())
        return self._stop is None or not self._stop.is_set()

    async def _pause(self, seconds: float) -> None:
        if seconds <= 0:
            return
        if self._stop is None:
            await asyncio.sleep(seconds)
            return
        try:
            async with asyncio.timeout(seconds):
                await self._stop.wait()
        except TimeoutError:
            pass


def checked_rate(rate: object) -> float | None:
    """Return jobs a second; BadOption outside of one a day to a million a second."""
    if rate is None:
        return None
    if isinstance(rate, bool) or not isinstance(rate, int | float):
        raise BadOption(f"rate={shown(rate)}; give jobs a second, such as 50")
    if not RATE_MIN <= rate <= RATE_MAX:
        raise BadOption(f"rate={shown(rate)}; use one a day (1/86400) to 1,000,000 jobs a second")
    return float(rate)


def checked_limit(limit: object) -> int | None:
    """Return how many jobs may be changed; BadOption unless it is None, or 1 or more."""
    if limit is None:
        return None
    if type(limit) is not int or limit < 1:
        raise BadOption(f"limit={shown(limit)}; use 1 or more, or None for all that match")
    return limit
