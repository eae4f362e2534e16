"""Storing new jobs."""

from __future__ import annotations

from collections.abc import Sequence

from dutiful.contract.roles.producer import Receipt
from dutiful.core.errors import DuplicateJob
from dutiful.core.job import Job, NewJob, stamp
from dutiful.core.replacement import replaced
from dutiful.core.state import movable
from dutiful.core.unique import replaces

from .table import Tables


class MemoryProducer:
    """The roles `Producer` and `SyncProducer`."""

    def __init__(self, tables: Tables) -> None:
        """Share the engine's tables."""
        self.tables = tables

    async def enqueue(self, jobs: Sequence[NewJob]) -> tuple[Receipt, ...]:
        """Store jobs."""
        return self.enqueue_sync(jobs)

    def enqueue_sync(self, jobs: Sequence[NewJob]) -> tuple[Receipt, ...]:
        """Store jobs in the calling thread."""
        tables = self.tables
        with tables.lock:
            now = tables.clock.now()
            kept, total = dict(tables.jobs), tables.totals["enqueued"]
            steps = dict(tables.recorded)
            try:
                receipts = tuple(self._one(new, now) for new in jobs)
            except DuplicateJob:
                tables.jobs, tables.totals["enqueued"] = kept, total
                tables.recorded = steps
                raise
        tables.wake()
        return receipts

    def _one(self, new: NewJob, now: int) -> Receipt:
        tables, job = self.tables, stamp(new, now)
        if job.id in tables.jobs:
            return Receipt(job.id)
        rule, holder = new.unique, tables.holder(job.unique_key)
        if rule is None or holder is None:
            tables.put(job)
            tables.totals["enqueued"] += 1
            return Receipt(job.id)
        if replaces(rule, holder.id) and movable(holder.state, "replace"):
            self._replace(holder, job)
            return Receipt(holder.id, created=False, replaced=True)
        return Receipt(holder.id, created=False)

    def _replace(self, holder: Job, job: Job) -> None:
        after, drops_steps = replaced(holder, job)
        if drops_steps:
            self.tables.recorded.pop(holder.id, None)
        self.tables.put(after)
