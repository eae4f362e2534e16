"""Reading what tasks logged."""

from __future__ import annotations

from dutiful.core.task_log import LogLine, read_log
from dutiful.engines._sql.statement import Plan, Statement

from .session import Session
from .statements import sql

_LINES = sql("log_lines")


class SqliteLogs:
    """The role `LogReader`."""

    def __init__(self, session: Session) -> None:
        """Share the engine's session."""
        self.session = session

    async def lines(self, job_id: str) -> tuple[LogLine, ...]:
        """Return the lines of a job."""

        def plan() -> Plan[tuple[LogLine, ...]]:
            rows = (yield Statement(_LINES, (job_id,))).rows
            return read_log(rows[0][0]) if rows else ()

        return await self.session.ready().readers.aread(plan)
