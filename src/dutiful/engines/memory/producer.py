"""Taking jobs in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dutiful.contract.protocol import Receipt
from dutiful.core.errors import DuplicateJob, Unsupported
from dutiful.core.job import Job, NewJob, stamp
from dutiful.core.replacement import MARK, Work, changed, marked
from dutiful.core.state import movable

from .table import Tables


class MemoryProducer:
    """The roles `Producer` and `SyncProducer`."""

    tables: Tables

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

    def enqueue_on(self, connection: Any, jobs: Sequence[NewJob]) -> tuple[Receipt, ...]:
        """Refuse: there is no transaction to join."""
        raise Unsupported("memory", "enqueue inside the caller's transaction")

    async def aenqueue_on(self, connection: Any, jobs: Sequence[NewJob]) -> tuple[Receipt, ...]:
        """Refuse, as `enqueue_on` does."""
        return self.enqueue_on(connection, jobs)

    def _one(self, new: NewJob, now: int) -> Receipt:
        tables, job = self.tables, stamp(new, now)
        if job.id in tables.jobs:
            return Receipt(job.id)
        holder = tables.holder(job.unique_key)
        if holder is None:
            tables.put(job)
            tables.totals["enqueued"] += 1
            return Receipt(job.id)
        if new.unique is not None and new.unique.on_conflict == "raise":
            raise DuplicateJob(new.unique.key, holder.id)
        replaces = new.unique is not None and new.unique.on_conflict == "replace"
        if replaces and movable(holder.state, "replace"):
            self._replace(holder, job)
            return Receipt(holder.id, created=False, replaced=True)
        return Receipt(holder.id, created=False)

    def _replace(self, holder: Job, job: Job) -> None:
        old, new = Work(holder.task, holder.args), Work(job.task, job.args)
        mark, drops_steps = changed(old, new, holder.meta.get(MARK))
        if drops_steps:
            self.tables.recorded.pop(holder.id, None)
        after = Job(
            id=holder.id,
            task=job.task,
            queue=job.queue,
            state=job.state,
            priority=job.priority,
            args=job.args,
            attempt=holder.attempt,
            max_attempts=job.max_attempts,
            enqueued_at=holder.enqueued_at,
            run_at=job.run_at,
            started_at=holder.started_at,
            expires_at=job.expires_at,
            crashes=holder.crashes,
            fence=holder.fence,
            unique_key=holder.unique_key,
            unique_states=holder.unique_states,
            tags=job.tags,
            meta=marked(job.meta, mark),
            steps=0 if drops_steps else holder.steps,
            redriven_at=holder.redriven_at,
        )
        self.tables.put(after)
