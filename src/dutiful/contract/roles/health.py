"""The role of finding what makes a store slower over time."""

from __future__ import annotations

from typing import Protocol

import msgspec


class HealthWarning(msgspec.Struct, frozen=True):
    """One thing that an operator should look at."""

    about: str
    """Identifies the warning: the text stays the same while the problem lasts."""
    text: str


class Health(Protocol):
    """Finds what makes a store slower over time; called after each round of pruning."""

    async def warnings(self) -> tuple[HealthWarning, ...]:
        """Return the present problems, or an empty tuple. Changes nothing."""
        ...
