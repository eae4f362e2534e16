"""Sends the dead-man's signal as long as all services work; when they do not, it is silent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from dutiful.core.errors import NotSent
from dutiful.core.event import Emit, PingsResumed, PingsStopped
from dutiful.core.retry import Random

_AGAIN_SECONDS = 10.0
"""A ping that was not taken is repeated after so long: the monitor waits for it."""
_BROKEN_TURNS = 2
"""So many turns in a row must find a problem before the monitor is informed of it."""


class SignalReceiver(Protocol):
    """The monitor that waits for pings; each call has a time limit and raises NotSent."""

    async def ping(self) -> None:
        """Say that all works."""
        ...

    async def fail(self, why: str) -> None:
        """Say what does not work."""
        ...


class DeadManService:
    """One ping at each turn while ``problem`` finds none.

    With a problem no ping goes out, and the monitor raises its alarm after its own grace time. When
    the problem lasts for a second turn, the monitor is informed of it, once. Several processes may
    send signals to one monitor: their pings add up, and any that works keeps the monitor calm.
    """

    name = "dead-man"

    def __init__(
        self, monitor: SignalReceiver, problem: Callable[[], str | None], seconds: float, emit: Emit
    ) -> None:
        """Take a ping every so many ``seconds``."""
        self._monitor = monitor
        self._problem = problem
        self._seconds = seconds
        self._emit = emit
        self._broken = 0
        self._refused = False
        self._stopped = False

    def rest(self, rng: Random) -> float:
        """Wait for the next ping, less long after one that was not taken."""
        return min(self._seconds, _AGAIN_SECONDS) if self._refused else self._seconds

    async def run_once(self) -> int:
        """Ping, or report the problem; returns how many pings were taken."""
        why = self._problem()
        if why is None:
            self._broken = 0
            return await self._ping()
        self._refused = False
        self._report(why)
        self._broken += 1
        if self._broken == _BROKEN_TURNS:
            try:
                await self._monitor.fail(why)
            except NotSent:
                pass  # the silence says the same, a little later
        return 0

    async def _ping(self) -> int:
        try:
            await self._monitor.ping()
        except NotSent as failure:
            self._refused = True
            self._report(f"the monitor did not take it: {failure}")
            return 0
        self._refused = False
        if self._stopped:
            self._stopped = False
            self._emit(PingsResumed())
        return 1

    def _report(self, why: str) -> None:
        if not self._stopped:
            self._stopped = True
            self._emit(PingsStopped(why))
