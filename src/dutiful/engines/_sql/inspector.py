"""Looking at jobs: the role `Inspector` over the plans of an SQL engine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar

from dutiful.contract.page import DeadGroup, Filter, JobPage, QueueCount
from dutiful.core.job import AttemptError, Job

from . import records
from .statement import Plan, Statement

T = TypeVar("T")


class Inspection(Protocol):
    """The queries on jobs that each engine writes in its own SQL."""

    async def read(self, plan: Callable[[], Plan[T]]) -> T:
        """Run a plan without waiting for writers."""
        ...

    def paused(self) -> Statement:
        """Find the paused queues, each with the time since which it is paused."""
        ...

    def dead_groups(self) -> Statement:
        """Group dead letters: rows as `records.group` takes them."""
        ...

    def tally(self) -> Statement:
        """Find the totals by their names."""
        ...

    def get(self, ids: Sequence[str]) -> Plan[tuple[Job, ...]]:
        """Find jobs by their ids, or by the beginnings of these."""
        ...

    def find(self, which: Filter, limit: int, cursor: str | None) -> Plan[JobPage]:
        """List matching jobs, newest first."""
        ...

    def errors(self, job_id: str) -> Plan[list[Any]]:
        """Find the errors of a job: rows as `records.error` takes them."""
        ...

    def steps(self, job_id: str) -> Plan[dict[str, bytes]]:
        """Find the recorded steps of a job."""
        ...

    def counts(self) -> Plan[list[Any]]:
        """Count by queue and state: rows as `records.queue_counts` takes them."""
        ...


class SqlInspector:
    """The role `Inspector`; it never waits for writers."""

    def __init__(self, inspection: Inspection) -> None:
        """Read by way of an engine's own statements."""
        self._inspection = inspection
        self._read = inspection.read

    async def get(self, ids: Sequence[str]) -> tuple[Job, ...]:
        """Return the jobs found."""
        return await self._read(lambda: self._inspection.get(ids))

    async def find(self, which: Filter, limit: int, cursor: str | None = None) -> JobPage:
        """List matching jobs, newest first; the cursor is a place in the order of the list."""
        return await self._read(lambda: self._inspection.find(which, limit, cursor))

    async def errors(self, job_id: str) -> tuple[AttemptError, ...]:
        """Return a job's errors."""
        rows = await self._read(lambda: self._inspection.errors(job_id))
        return tuple(records.error(job_id, row) for row in rows)

    async def steps(self, job_id: str) -> dict[str, bytes]:
        """Return a job's steps."""
        return await self._read(lambda: self._inspection.steps(job_id))

    async def queues(self) -> tuple[QueueCount, ...]:
        """Count by queue and state, from the indexes alone."""

        def plan() -> Plan[tuple[QueueCount, ...]]:
            rows = yield from self._inspection.counts()
            paused = records.counted((yield from _rows(self._inspection.paused())))
            return records.queue_counts(rows, paused)

        return await self._read(plan)

    async def dead_groups(self) -> tuple[DeadGroup, ...]:
        """Group dead letters."""
        rows = await self._read(lambda: _rows(self._inspection.dead_groups()))
        return tuple(map(records.group, rows))

    async def tally(self) -> dict[str, int]:
        """Count over the whole life."""
        counts = {"enqueued": 0, "pruned": 0, "purged": 0}
        return counts | records.counted(await self._read(lambda: _rows(self._inspection.tally())))


def _rows(statement: Statement) -> Plan[list[Any]]:
    return (yield statement).rows
