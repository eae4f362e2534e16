"""Keeping counts by minute and hour."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from dutiful.core.alerting.sample import Activity

from .table import Tables


class MemoryActivity:
    """The role `ActivityStore`."""

    def __init__(self, tables: Tables) -> None:
        """Share the engine's tables."""
        self.tables = tables

    async def add(self, rows: Sequence[Activity]) -> None:
        """Add counts."""
        with self.tables.lock:
            stored = self.tables.activity
            for row in rows:
                key = (row.span, row.at, row.kind, row.queue, row.name)
                known = stored.get(key)
                stored[key] = row if known is None else known.plus(row)

    async def read(self, span: int, since: int, limit: int = 10_000) -> tuple[Activity, ...]:
        """Return rows of a span, latest first."""
        with self.tables.lock:
            found = [
                row for row in self.tables.activity.values() if row.span == span and row.at >= since
            ]
        found.sort(key=lambda row: (-row.at, row.kind, row.queue, row.name))
        return tuple(found[:limit])

    async def totals(self, span: int, since: int, limit: int = 1_000) -> tuple[Activity, ...]:
        """Add up the rows by task."""
        found: dict[str, Activity] = {}
        for row in reversed(await self.read(span, since, 2**62)):
            if row.kind == "task":
                bare = replace(row, queue="", error="")
                found[row.name] = found[row.name].plus(bare) if row.name in found else bare
        return tuple(sorted(found.values(), key=lambda row: (-row.runs, row.name))[:limit])

    async def forget(self, span: int, before: int, limit: int = 10_000) -> int:
        """Delete old rows."""
        with self.tables.lock:
            stored = self.tables.activity
            old = [key for key, row in stored.items() if row.span == span and row.at < before]
            for key in old[:limit]:
                del stored[key]
            return len(old[:limit])
