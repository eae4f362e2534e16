"""The role of keeping counts of what happened, by minute and by hour."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from dutiful.core.alerting.sample import Activity


class ActivityStore(Protocol):
    """Counts by span, kind, queue and name, to which every worker adds; instants: microseconds."""

    async def add(self, rows: Sequence[Activity]) -> None:
        """Add counts to the rows of the same span, kind, queue and name, or make these rows.

        ``run_max`` and ``error`` are replaced as `Activity.plus` says. No two of ``rows`` have the
        same key. Atomicity: one write. On lost reply: sent again, they may count twice.
        """
        ...

    async def read(self, span: int, since: int, limit: int = 10_000) -> tuple[Activity, ...]:
        """Return rows of a span that begin at ``since`` or later, latest first."""
        ...

    async def totals(self, span: int, since: int, limit: int = 1_000) -> tuple[Activity, ...]:
        """Add up the rows of tasks since ``since``, by task: run times and ends; most runs first.

        ``queue`` and ``error`` are empty, ``at`` is the first of the rows.
        """
        ...

    async def forget(self, span: int, before: int, limit: int = 10_000) -> int:
        """Delete rows of a span that begin before an instant, and return how many."""
        ...
