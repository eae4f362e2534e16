"""Deleting jobs that ended long ago."""

from __future__ import annotations

from .table import Tables


class MemoryRetention:
    """The role `Retention`."""

    def __init__(self, tables: Tables) -> None:
        """Share the engine's tables."""
        self.tables = tables

    async def prune(self, state: int, older_than: int, limit: int) -> int:
        """Delete some jobs that ended long ago."""
        tables = self.tables
        with tables.lock:
            before = tables.clock.now() - older_than
            old = [
                job
                for job in tables.jobs.values()
                if job.state == state and job.finished_at is not None and job.finished_at < before
            ]
            old.sort(key=lambda job: job.finished_at or 0)
            for job in old[:limit]:
                tables.delete(job, "pruned")
            return len(old[:limit])
