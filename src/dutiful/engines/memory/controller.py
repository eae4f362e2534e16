"""Changing jobs and queues by hand."""

from __future__ import annotations

from collections.abc import Sequence

from dutiful.contract.roles.controller import Redrive
from dutiful.core.apply import cancelled, hurried
from dutiful.core.job import Job
from dutiful.core.redrive import redrive, takes_key
from dutiful.core.state import movable

from .table import Tables


class MemoryController:
    """The role `Controller`."""

    def __init__(self, tables: Tables) -> None:
        """Share the engine's tables."""
        self.tables = tables

    async def cancel(self, ids: Sequence[str]) -> tuple[str, ...]:
        """Cancel jobs that wait, and request cancellation of those that run."""
        return self.cancel_now(ids)

    def cancel_now(self, ids: Sequence[str]) -> tuple[str, ...]:
        """Do what `cancel` does, in the calling thread."""
        tables, changed = self.tables, list[str]()
        with tables.lock:
            for job in tables.some(ids):
                if (after := cancelled(job, tables.clock.now())) is not None:
                    tables.put(after)
                    changed.append(job.id)
        tables.wake()
        return tuple(changed)

    async def run_now(self, ids: Sequence[str]) -> tuple[str, ...]:
        """Make jobs due now."""
        tables, changed = self.tables, list[str]()
        with tables.lock:
            for job in tables.some(ids):
                if (after := hurried(job, tables.clock.now())) is not None:
                    tables.put(after)
                    changed.append(job.id)
        tables.wake()
        return tuple(changed)

    async def redrive(self, jobs: Sequence[Redrive]) -> tuple[str, ...]:
        """Send dead and cancelled jobs back."""
        tables, changed = self.tables, list[str]()
        with tables.lock:
            for item in jobs:
                job = tables.jobs.get(item.id)
                if job is None or not movable(job.state, "redrive"):
                    continue
                if not self._admitted(job):
                    continue
                self._redrive(job, item)
                changed.append(job.id)
        tables.wake()
        return tuple(changed)

    async def purge(self, ids: Sequence[str]) -> tuple[str, ...]:
        """Delete jobs that have ended."""
        with self.tables.lock:
            ended = [job for job in self.tables.some(ids) if job.purgeable]
            for job in ended:
                self.tables.delete(job, "purged")
        return tuple(job.id for job in ended)

    async def pause(self, queue: str) -> None:
        """Stop claims from a queue."""
        with self.tables.lock:
            self.tables.paused.setdefault(queue, self.tables.clock.now())
            self.tables.shut.pop(queue, None)

    async def resume(self, queue: str) -> None:
        """Allow claims again."""
        with self.tables.lock:
            self.tables.paused.pop(queue, None)
            self.tables.shut.pop(queue, None)
        self.tables.wake()

    def _admitted(self, job: Job) -> bool:
        holder = self.tables.holder(job.unique_key)
        if holder is None or holder.id == job.id:
            return True
        return not takes_key(job.unique_key, job.unique_states)

    def _redrive(self, job: Job, item: Redrive) -> None:
        now = self.tables.clock.now()
        after, drops_steps = redrive(job, item.args, now, keep_steps=item.keep_steps)
        if drops_steps:
            self.tables.recorded.pop(job.id, None)
        self.tables.put(after)
