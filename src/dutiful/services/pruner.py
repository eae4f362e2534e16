"""Deletes finished jobs whose retention is over, and tells what keeps their space from use."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from dutiful.contract.facade import Store
from dutiful.core.event import HorizonHeld, Pruned
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
        """Keep jobs of a state for so many microseconds; None keeps them for ever."""
        self._store = store
        self._told: set[tuple[str, str]] = set()
        self._keep = {state: span for state, span in keep.items() if span is not None}

    def rest(self, rng: Random) -> float:
        """Wait about as long as ``seconds`` says."""
        return about(self.seconds, rng)

    async def run_once(self) -> int:
        """Delete everything that is over its retention now and return how many jobs it was."""
        total = 0
        for state, span in self._keep.items():
            while count := await self._store.keeper.prune(state, span, _SLICE):
                total += count
                self._store.emit(Pruned(count))
                await asyncio.sleep(_BREATH)
                if count < _SLICE:
                    break
        await self._tell_holders()
        return total

    async def _tell_holders(self) -> None:
        """Tell once of each that keeps dead rows from being cleared away."""
        holders = {(one.kind, one.who): one for one in await self._store.keeper.holders()}
        for kind, who in holders.keys() - self._told:
            self._store.emit(HorizonHeld(kind, who, holders[kind, who].seconds))
        self._told = set(holders)
