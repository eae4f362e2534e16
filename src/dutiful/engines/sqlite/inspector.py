"""Looking at jobs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from dutiful.contract.page import PREFIX_MIN, DeadGroup, Filter, JobPage, QueueCount
from dutiful.core.job import AttemptError, Job
from dutiful.engines._sql import records
from dutiful.engines._sql.statement import Plan, Statement

from .finding import find
from .rows import by_id, job_of, steps_from
from .session import Session
from .statements import sql

_GET = sql("get")
_GET_PREFIX = sql("get_prefix")
_ERRORS = sql("errors")
_STEPS = sql("steps")
_PAUSED = sql("paused")
_COUNTS = (sql("counts_ready"), sql("counts_running"), sql("counts_final"))
_COUNTS_DUE = sql("counts_due")
_DEAD_GROUPS = sql("dead_groups")
_TALLY = sql("tally")

T = TypeVar("T")


class SqliteInspector:
    """The role `Inspector`; it reads beside the writers and never waits for them."""

    def __init__(self, session: Session) -> None:
        """Share the engine's session."""
        self.session = session

    async def get(self, ids: Sequence[str]) -> tuple[Job, ...]:
        """Return the jobs found."""
        return await self._read(lambda: _get(ids))

    async def find(self, which: Filter, limit: int, cursor: str | None = None) -> JobPage:
        """List matching jobs, newest first; the cursor is a place in the order of enqueueing."""
        return await self._read(lambda: find(which, limit, cursor))

    async def errors(self, job_id: str) -> tuple[AttemptError, ...]:
        """Return a job's errors."""
        rows = await self._read(lambda: _belonging(_ERRORS, job_id))
        return tuple(records.error(job_id, row) for row in rows)

    async def steps(self, job_id: str) -> dict[str, bytes]:
        """Return a job's steps."""
        return steps_from(await self._read(lambda: _belonging(_STEPS, job_id)))[0]

    async def queues(self) -> tuple[QueueCount, ...]:
        """Count by queue and state, from the indexes alone."""
        return await self._read(lambda: _queues(self.session.clock.now()))

    async def dead_groups(self) -> tuple[DeadGroup, ...]:
        """Group dead letters."""
        rows = await self._read(lambda: _rows(_DEAD_GROUPS))
        return tuple(map(records.group, rows))

    async def tally(self) -> dict[str, int]:
        """Count over the whole life."""
        return records.counted(await self._read(lambda: _rows(_TALLY)))

    async def _read(self, plan: Callable[[], Plan[T]]) -> T:
        return await self.session.ready().readers.aread(plan)


def _rows(text: str, params: Sequence[Any] = ()) -> Plan[list[Any]]:
    return (yield Statement(text, params)).rows


def _belonging(text: str, job_id: str) -> Plan[list[Any]]:
    return (yield from by_id(text, job_id)).rows


def _get(ids: Sequence[str]) -> Plan[tuple[Job, ...]]:
    found: list[Job] = []
    for job_id in ids:
        rows = (yield from by_id(_GET, job_id)).rows
        if not rows and len(job_id) >= PREFIX_MIN:
            # The highest code point sorts after whatever may follow the prefix.
            rows = (yield Statement(_GET_PREFIX, (job_id, job_id + chr(0x10FFFF)))).rows
        if len(rows) == 1:
            found.append(job_of(rows[0]))
    return tuple(found)


def counts(now: int) -> Plan[list[Any]]:
    """Count by queue and state: rows as `records.queue_counts` takes them."""
    rows = list((yield Statement(_COUNTS_DUE, (now, now))).rows)
    for counting in _COUNTS:
        rows += (yield Statement(counting)).rows
    return rows


def _queues(now: int) -> Plan[tuple[QueueCount, ...]]:
    rows = yield from counts(now)
    paused = records.counted((yield Statement(_PAUSED)).rows)
    return records.queue_counts(rows, paused)
