"""Checks the capability that each hand-made change needs, before any I/O."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from .capability import Capability
from .protocol import Controller, Redrive

_REDRIVE_ADVICE = "enqueue the job again with its arguments"


class Guarded:
    """A `Controller` that raises Unsupported where the engine's declaration says no."""

    def __init__(self, inner: Controller, require: Callable[..., None]) -> None:
        """Stand in front of an engine; ``require`` raises Unsupported."""
        self._inner = inner
        self._require = require

    async def cancel(self, ids: Sequence[str]) -> tuple[str, ...]:
        """Cancel jobs: see `Controller.cancel`."""
        self._require(Capability.CANCEL)
        return await self._inner.cancel(ids)

    async def hurry(self, ids: Sequence[str]) -> tuple[str, ...]:
        """Make jobs due now: see `Controller.hurry`."""
        self._require(Capability.DELAY)
        return await self._inner.hurry(ids)

    async def redrive(self, jobs: Sequence[Redrive]) -> tuple[str, ...]:
        """Send jobs back: see `Controller.redrive`."""
        self._require(Capability.REDRIVE, _REDRIVE_ADVICE)
        return await self._inner.redrive(jobs)

    async def purge(self, ids: Sequence[str]) -> tuple[str, ...]:
        """Delete ended jobs: see `Controller.purge`."""
        self._require(Capability.PURGE)
        return await self._inner.purge(ids)

    async def pause(self, queue: str) -> None:
        """Stop claims from a queue: see `Controller.pause`."""
        self._require(Capability.PAUSE)
        await self._inner.pause(queue)

    async def resume(self, queue: str) -> None:
        """Allow claims again: see `Controller.resume`."""
        self._require(Capability.PAUSE)
        await self._inner.resume(queue)
