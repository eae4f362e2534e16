"""Looking at jobs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from dutiful.contract.page import PREFIX_MIN, Filter, JobPage
from dutiful.core.job import Job
from dutiful.engines._sql.statement import Plan, Statement

from .list_jobs import list_jobs
from .rows import by_id, job_of, steps_from
from .session import Session
from .statements import sql

_GET = sql("get")
_GET_PREFIX = sql("get_prefix")
_ERRORS = sql("errors")
_STEPS = sql("steps")
_COUNTS = (sql("counts_ready"), sql("counts_running"), sql("counts_final"))
_COUNTS_DUE = sql("counts_due")

T = TypeVar("T")


class SqliteInspection:
    """Implements `Inspection`; a job whose id is not text is found by its row."""

    def __init__(self, session: Session) -> None:
        """Share the engine's session."""
        self.session = session

    async def read(self, plan: Callable[[], Plan[T]]) -> T:
        """Run a plan on a connection that only reads."""
        return await self.session.ready().readers.aread(plan)

    def paused(self) -> Statement:
        """Find the paused queues."""
        return Statement(sql("paused"))

    def dead_groups(self) -> Statement:
        """Group dead letters."""
        return Statement(sql("dead_groups"))

    def tally(self) -> Statement:
        """Find the totals."""
        return Statement(sql("tally"))

    def get(self, ids: Sequence[str]) -> Plan[tuple[Job, ...]]:
        """Find jobs by their ids, or by the beginnings of these."""
        found: list[Job] = []
        for job_id in ids:
            rows = (yield from by_id(_GET, job_id)).rows
            if not rows and len(job_id) >= PREFIX_MIN:
                # The highest code point sorts after any character that may follow the prefix.
                rows = (yield Statement(_GET_PREFIX, (job_id, job_id + chr(0x10FFFF)))).rows
            if len(rows) == 1:
                found.append(job_of(rows[0]))
        return tuple(found)

    def find(self, which: Filter, limit: int, cursor: str | None) -> Plan[JobPage]:
        """List matching jobs; the cursor is a position in the order of enqueueing."""
        return list_jobs(which, limit, cursor)

    def errors(self, job_id: str) -> Plan[list[Any]]:
        """Find the errors of a job."""
        return (yield from by_id(_ERRORS, job_id)).rows

    def steps(self, job_id: str) -> Plan[dict[str, bytes]]:
        """Find the recorded steps of a job."""
        return steps_from((yield from by_id(_STEPS, job_id)).rows)[0]

    def counts(self) -> Plan[list[Any]]:
        """Count by queue and state."""
        return counts(self.session.clock.now())


def counts(now: int) -> Plan[list[Any]]:
    """Count by queue and state: rows as `records.queue_counts` takes them."""
    rows = list((yield Statement(_COUNTS_DUE, (now, now))).rows)
    for counting in _COUNTS:
        rows += (yield Statement(counting)).rows
    return rows
