"""The role of reading what tasks logged."""

from __future__ import annotations

from typing import Protocol

from dutiful.core.task_log import LogLine


class LogReader(Protocol):
    """Reads the lines that `Consumer.exchange`, or a task's transaction, has stored with a job."""

    async def lines(self, job_id: str) -> tuple[LogLine, ...]:
        """Return the lines kept of a job's attempts, oldest first; none for an unknown job.

        Where the stored lines cannot be read, one line says so.
        """
        ...
