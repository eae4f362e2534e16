"""The role of seeing what makes a store slower with time."""

from __future__ import annotations

from typing import Protocol

import msgspec


class HealthWarning(msgspec.Struct, frozen=True):
    """One thing that an operator should look at."""

    about: str
    """Identifies it: the same text as long as it lasts."""
    text: str


class Health(Protocol):
    """Seeing what makes a store slower with time; asked after each round of pruning."""

    async def warnings(self) -> tuple[HealthWarning, ...]:
        """Return what is wrong now; nothing, if nothing is. Changes nothing."""
        ...
