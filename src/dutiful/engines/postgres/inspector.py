"""Looking at jobs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from dutiful.contract.page import PREFIX_MIN, Filter, JobPage
from dutiful.core.job import Job
from dutiful.engines._sql.statement import Plan, Statement

from .list_jobs import list_jobs
from .producer import ready
from .rows import job_of
from .session import Session

T = TypeVar("T")


class PostgresInspection:
    """Implements `Inspection`."""

    def __init__(self, session: Session) -> None:
        """Share the engine's session."""
        self.session = session

    async def read(self, plan: Callable[[], Plan[T]]) -> T:
        """Run a plan on a connection that only reads."""
        session = await ready(self.session)
        return await session.inspect_pool.aonce(plan)

    def paused(self) -> Statement:
        """Find the paused queues."""
        return Statement(self.session.sql("paused"))

    def dead_groups(self) -> Statement:
        """Group dead letters."""
        return Statement(self.session.sql("dead_groups"))

    def tally(self) -> Statement:
        """Find the totals."""
        return Statement(self.session.sql("tally"))

    def get(self, ids: Sequence[str]) -> Plan[tuple[Job, ...]]:
        """Find jobs by their ids, or by the beginnings of these."""
        sql = self.session.sql
        rows = (yield Statement(sql("get"), (list(ids),))).rows
        known = {row[1]: job_of(row) for row in rows}
        found: list[Job] = []
        for job_id in ids:
            if job_id in known:
                found.append(known[job_id])
            elif len(job_id) >= PREFIX_MIN:
                # The highest code point sorts after any character that may follow the prefix.
                params = (job_id, job_id + chr(0x10FFFF))
                near = (yield Statement(sql("get_prefix"), params)).rows
                if len(near) == 1:
                    found.append(job_of(near[0]))
        return tuple(found)

    def find(self, which: Filter, limit: int, cursor: str | None) -> Plan[JobPage]:
        """List matching jobs; the cursor is the last id of the page before."""
        return list_jobs(self.session.sql, which, limit, cursor)

    def errors(self, job_id: str) -> Plan[list[Any]]:
        """Find the errors of a job."""
        return (yield Statement(self.session.sql("errors"), (job_id,))).rows

    def steps(self, job_id: str) -> Plan[dict[str, bytes]]:
        """Find the recorded steps of a job."""
        return dict((yield Statement(self.session.sql("steps"), (job_id,))).rows)

    def counts(self) -> Plan[list[Any]]:
        """Count by queue and state."""
        return (yield Statement(self.session.sql("counts"), (self.session.now,))).rows
