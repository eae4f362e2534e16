"""What a background duty is, and the loop that gives it its turns."""

from __future__ import annotations

import asyncio
from typing import Protocol

from dutiful.core.errors import EngineUnavailable, ReplyUnknown
from dutiful.core.event import Emit, ServiceFailed
from dutiful.core.retry import Random
from dutiful.core.text import worded

from .trouble import OutageReport

_AGAIN_FIRST, _AGAIN_MOST = 0.1, 2.0
"""Seconds between the turns of a service that fails."""
_REPORT_SECONDS = 60.0
"""The same failure is reported once in so many seconds."""


class Service(Protocol):
    """A duty that is done in small turns; several processes may take turns at the same time."""

    name: str

    def rest(self, rng: Random) -> float:
        """Return how many seconds to wait before the next turn."""
        ...

    async def run_once(self) -> int:
        """Do what is due now and return how much was done."""
        ...


class ServiceLoop:
    """The turns of one service; a failure is reported once, and the pauses between tries grow."""

    def __init__(self, service: Service, emit: Emit, rng: Random, trouble: OutageReport) -> None:
        """Take no turn yet; ``trouble`` records when the store cannot be used."""
        self._service = service
        self._emit = emit
        self._rng = rng
        self._trouble = trouble
        self._failures = 0
        self._reported: dict[str, float] = {}

    async def forever(self) -> None:
        """Take one turn after the other."""
        try:
            while True:
                await asyncio.sleep(self._rest())
                await self.once()
        finally:
            self._trouble.left(self._service.name)

    async def once(self) -> None:
        """Let the service do what is due now."""
        name, began = self._service.name, self._trouble.ticks()
        try:
            await self._service.run_once()
        except (EngineUnavailable, ReplyUnknown) as error:
            self._failures += 1
            self._trouble.met(name, error, began)
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # noqa: BLE001 - a duty must outlive its failures
            self._failures += 1
            self._tell(worded(error))
        else:
            self._failures = 0
            self._trouble.answered(name)

    def _rest(self) -> float:
        if not self._failures:
            return self._service.rest(self._rng)
        return about(min(_AGAIN_FIRST * 2**self._failures, _AGAIN_MOST), self._rng)

    def _tell(self, error: str) -> None:
        """Report a failure, but not the same one at every turn."""
        now = asyncio.get_running_loop().time()
        if now >= self._reported.get(error, now):
            self._reported = {error: now + _REPORT_SECONDS}
            self._emit(ServiceFailed(self._service.name, error))


def about(seconds: float, rng: Random) -> float:
    """Return about so many seconds: jitter keeps many workers from meeting at every turn."""
    return seconds * (0.75 + rng.random() / 2)
