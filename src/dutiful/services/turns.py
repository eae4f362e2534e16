"""When each service of a process last did its duty."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from dutiful.core.instant import SECOND, spell
from dutiful.core.retry import Random

from .service import Service

LATE = 90 * SECOND
"""A service that has not ended a turn for so long does not work. A short outage of the store, or a
failover, takes less."""


class Turns:
    """Records the turns of services, and finds the one that does not work."""

    def __init__(self, ticks: Callable[[], int], late: int = LATE) -> None:
        """Count microseconds by ``ticks``, a clock that is never set."""
        self._ticks = ticks
        self._late = late
        self._last: dict[str, int] = {}

    def recorded(self, services: Sequence[Service], names: Collection[str]) -> list[Service]:
        """Return the services, those of ``names`` with their turns recorded from now on."""
        return [
            _Recorded(service, self._note) if service.name in names else service
            for service in services
        ]

    def problem(self) -> str | None:
        """Say which recorded service does not work; None when all do."""
        now = self._ticks()
        for name, last in self._last.items():
            if now - last > self._late:
                silent = spell((now - last) // SECOND * SECOND)
                return f"the {name} has not ended a turn for {silent}"
        return None

    def _note(self, name: str) -> None:
        self._last[name] = self._ticks()


class _Recorded:
    """A service whose turns are noted when they have ended without an error."""

    def __init__(self, service: Service, note: Callable[[str], None]) -> None:
        self.name = service.name
        self._service, self._note = service, note
        note(self.name)

    def rest(self, rng: Random) -> float:
        return self._service.rest(rng)

    async def run_once(self) -> int:
        done = await self._service.run_once()
        self._note(self.name)
        return done
