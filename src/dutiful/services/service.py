"""What a background duty is, and the loop that gives it its turns."""

from __future__ import annotations

import asyncio
from typing import Protocol

from dutiful.core.event import Emit, ServiceFailed
from dutiful.core.retry import Random


class Service(Protocol):
    """A duty that is done in small turns; several processes may take turns at once."""

    name: str

    def rest(self, rng: Random) -> float:
        """Return how many seconds to wait before the next turn."""
        ...

    async def run_once(self) -> int:
        """Do what is due now and return how much was done."""
        ...


async def take_turns(service: Service, emit: Emit, rng: Random) -> None:
    """Run a service for ever; a turn that raises is told and tried again at the next."""
    while True:
        await asyncio.sleep(service.rest(rng))
        await take_turn(service, emit)


async def take_turn(service: Service, emit: Emit) -> None:
    """Let a service do what is due now; what it raises is told."""
    try:
        await service.run_once()
    except asyncio.CancelledError:
        raise
    except BaseException as error:  # noqa: BLE001 - a duty must outlive its failures
        emit(ServiceFailed(service.name, f"{type(error).__name__}: {error}"))


def about(seconds: float, rng: Random) -> float:
    """Return about so many seconds: jitter keeps many workers from meeting at every turn."""
    return seconds * (0.75 + rng.random() / 2)
