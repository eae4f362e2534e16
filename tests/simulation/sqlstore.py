"""What the stores of both SQL engines have in common: real calls between two virtual instants."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from msgspec.structs import replace

from dutiful.contract.clock import Clock, SystemClock

from .store import asked

_ORDERS: dict[str, Callable[[Any], Any]] = {
    "claimed": lambda found: tuple(sorted(found, key=lambda claim: claim.job.id)),
    "expire": lambda found: tuple(sorted(found)),
    "cancel": lambda found: tuple(sorted(found)),
    "run_now": lambda found: tuple(sorted(found)),
    "advance": lambda found: replace(
        found,
        accepted=tuple(sorted(found.accepted)),
        made=tuple(sorted(found.made)),
        cancelled=tuple(sorted(found.cancelled)),
    ),
    "delete_schedules": lambda found: replace(
        found,
        names=tuple(sorted(found.names)),
        missed=tuple(sorted(found.missed, key=lambda one: one.schedule)),
    ),
    "switch": lambda found: tuple(sorted(found)),
    "renew": lambda found: replace(found, cancels=tuple(sorted(found.cancels))),
}
"""What has no order of its own, put into one, so that a seed tells one story."""


class HandedClock:
    """The clock of whichever world is on; an engine keeps it for all of them."""

    def __init__(self) -> None:
        self.world: Clock = SystemClock()

    def now(self) -> int:
        return self.world.now()

    def ticks(self) -> int:
        return self.world.ticks()


class RealCalls:
    """Runs an engine's coroutines on a loop of their own, while the world's loop stands still."""

    def __init__(self) -> None:
        self._real = asyncio.new_event_loop()

    def call(self, engine: Any, op: str, args: tuple[Any, ...]) -> Any:
        result = self.run(asked(engine, op, args))
        order = _ORDERS.get(op)
        return result if order is None else order(result)

    def run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        world = asyncio._get_running_loop()
        asyncio._set_running_loop(None)
        try:
            return self._real.run_until_complete(coroutine)
        finally:
            asyncio._set_running_loop(world)

    def end(self) -> None:
        """Let what has just been answered come to its end, and close the loop."""
        self.run(asyncio.sleep(0))
        self._real.close()


class Beds:
    """Those who sleep in virtual time, each under a name."""

    def __init__(self) -> None:
        self._beds: dict[str, asyncio.Event] = {}

    @property
    def names(self) -> list[str]:
        return list(self._beds)

    async def sleep(self, name: str, seconds: float, look: Callable[[], bool]) -> None:
        """Sleep until woken; not at all when there is work already."""
        event = self._beds[name] = asyncio.Event()
        try:
            if look():
                return
            async with asyncio.timeout(seconds):
                await event.wait()
        except TimeoutError:
            pass
        finally:
            if self._beds.get(name) is event:
                del self._beds[name]

    def wake(self, names: Sequence[str]) -> None:
        """Wake some of them."""
        for name in names:
            self._beds[name].set()
