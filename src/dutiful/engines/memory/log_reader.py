"""Reading what tasks logged."""

from __future__ import annotations

from dutiful.core.task_log import LogLine, read_log

from .table import Tables


class MemoryLogs:
    """The role `LogReader`."""

    def __init__(self, tables: Tables) -> None:
        """Share the engine's tables."""
        self.tables = tables

    async def lines(self, job_id: str) -> tuple[LogLine, ...]:
        """Return the lines of a job."""
        with self.tables.lock:
            return read_log(self.tables.logs.get(job_id))
