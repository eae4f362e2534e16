"""Reading what tasks logged."""

from __future__ import annotations

from dutiful.core.task_log import LogLine

from .log_writing import logs_of
from .producer import ready
from .session import Session


class PostgresLogs:
    """The role `LogReader`."""

    def __init__(self, session: Session) -> None:
        """Share the engine's session."""
        self.session = session

    async def lines(self, job_id: str) -> tuple[LogLine, ...]:
        """Return the lines of a job."""
        session = await ready(self.session)
        found = await session.inspect_pool.aonce(lambda: logs_of(session.sql, [job_id]))
        return found.get(job_id, ())
