"""Deletes finished jobs whose retention is over, and reports what blocks reuse of their space."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from dutiful.contract.facade import Store
from dutiful.core.event import Pruned, StoreUnhealthy
from dutiful.core.retry import Random
from dutiful.core.state import State

from .service import about

_SLICE = 500
_BREATH = 0.02
"""Seconds between slices, so that workers come first."""


class Pruner:
    """Prunes each final state by its own retention; several pruners share the work."""

    name = "pruner"
    seconds = 30.0

    def __init__(self, store: Store, keep: Mapping[State, int | None]) -> None:
        """Keep jobs of a state for so many microseconds; None keeps them indefinitely."""
        self._store = store
        self._reported = set[str]()
        self._keep = {state: span for state, span in keep.items() if span is not None}

    def rest(self, rng: Random) -> float:
        """Wait about as long as ``seconds`` says."""
        return about(self.seconds, rng)

    async def run_once(self) -> int:
        """Delete everything that is over its retention now and return how many jobs it was."""
        total = 0
        for state, span in self._keep.items():
            while count := await self._store.retention.prune(state, span, _SLICE):
                total += count
                self._store.emit(Pruned(count))
                await asyncio.sleep(_BREATH)
                if count < _SLICE:
                    break
        await self._warn()
        return total

    async def _warn(self) -> None:
        """Report once each thing that makes the store slower with time."""
        health = self._store.engine.health
        if health is None:
            return
        found = {one.about: one.text for one in await health.warnings()}
        for what in found.keys() - self._reported:
            self._store.emit(StoreUnhealthy(what, found[what]))
        self._reported = set(found)
