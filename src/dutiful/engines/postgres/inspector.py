"""Looking at jobs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from dutiful.contract.page import PREFIX_MIN, DeadGroup, Filter, JobPage, QueueCount
from dutiful.core.job import AttemptError, Job
from dutiful.engines._sql import records
from dutiful.engines._sql.statement import Plan, Statement

from .finding import find
from .producer import ready
from .rows import job_of
from .session import Session
from .statements import Texts

T = TypeVar("T")


class PostgresInspector:
    """The role `Inspector`; it reads beside the writers and never waits for them."""

    def __init__(self, session: Session) -> None:
        """Share the engine's session."""
        self.session = session

    async def get(self, ids: Sequence[str]) -> tuple[Job, ...]:
        """Return the jobs found."""
        return await self._read(lambda sql: _get(sql, ids))

    async def find(self, which: Filter, limit: int, cursor: str | None = None) -> JobPage:
        """List matching jobs, newest first; the cursor is the last id of the page before."""
        return await self._read(lambda sql: find(sql, which, limit, cursor))

    async def errors(self, job_id: str) -> tuple[AttemptError, ...]:
        """Return a job's errors."""
        rows = await self._read(lambda sql: _rows(sql("errors"), (job_id,)))
        return tuple(records.error(job_id, row) for row in rows)

    async def steps(self, job_id: str) -> dict[str, bytes]:
        """Return a job's steps."""
        return dict(await self._read(lambda sql: _rows(sql("steps"), (job_id,))))

    async def queues(self) -> tuple[QueueCount, ...]:
        """Count by queue and state."""
        return await self._read(lambda sql: _queues(sql, self.session.now))

    async def dead_groups(self) -> tuple[DeadGroup, ...]:
        """Group dead letters."""
        rows = await self._read(lambda sql: _rows(sql("dead_groups")))
        return tuple(map(records.group, rows))

    async def tally(self) -> dict[str, int]:
        """Count over the whole life."""
        counts = {"enqueued": 0, "pruned": 0, "purged": 0}
        return counts | dict(await self._read(lambda sql: _rows(sql("tally"))))

    async def _read(self, plan: Callable[[Texts], Plan[T]]) -> T:
        session = await ready(self.session)
        return await session.inspect_pool.aonce(lambda: plan(session.sql))


def _rows(text: str, params: Sequence[Any] = ()) -> Plan[list[Any]]:
    return (yield Statement(text, params)).rows


def _get(sql: Texts, ids: Sequence[str]) -> Plan[tuple[Job, ...]]:
    rows = (yield Statement(sql("get"), (list(ids),))).rows
    known = {row[1]: job_of(row) for row in rows}
    found: list[Job] = []
    for job_id in ids:
        if job_id in known:
            found.append(known[job_id])
        elif len(job_id) >= PREFIX_MIN:
            # The highest code point sorts after whatever may follow the prefix.
            params = (job_id, job_id + chr(0x10FFFF))
            near = (yield Statement(sql("get_prefix"), params)).rows
            if len(near) == 1:
                found.append(job_of(near[0]))
    return tuple(found)


def _queues(sql: Texts, now: int | None) -> Plan[tuple[QueueCount, ...]]:
    rows = (yield Statement(sql("counts"), (now,))).rows
    paused = records.counted((yield Statement(sql("paused"))).rows)
    return records.queue_counts(rows, paused)
