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
        """When the latest batch began; ``_before`` jobs were done by then."""
        self._before = 0
        self.size = None if rate is None else max(1, int(rate * _SLICE_SECONDS))
        """How many jobs a batch may have; None is any number."""

    async def goes_on(self, done: int) -> bool:
        """Wait until the batch after ``done`` jobs may begin; False when the call is to end.

        Time that a slow batch or a pause of this process has lost is not made up for, which would
        be a burst.
        """
        if self._rate is not None:
            time = asyncio.get_running_loop().time
            await self._pause(self._begun + (done - self._before) / self._rate - time())
            self._begun, self._before = time(), done
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


def checked_stop(stop: object) -> asyncio.Event | None:
    """Return an event that this loop can wait for; BadOption for anything else."""
    if stop is None:
        return None
    if not isinstance(stop, asyncio.Event):
        raise BadOption(f"stop={shown(stop)}; give an asyncio.Event")
    waiting = stop.wait()
    try:
        waiting.send(None)  # which is refused, or gives the event to this loop
    except StopIteration:  # it is set
        pass
    except RuntimeError as error:
        raise BadOption(
            "stop: the asyncio.Event belongs to another event loop; make it on the loop of this "
            "call, and set it from elsewhere with loop.call_soon_threadsafe(stop.set)"
        ) from error
    finally:
        waiting.close()
    return stop


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
