"""Giving jobs to workers and settling them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from msgspec.structs import replace

from dutiful.contract.roles.consumer import Exchanged, Wanted
from dutiful.core.apply import apply, claimed, repeated, valid
from dutiful.core.errors import UsageError
from dutiful.core.job import Claim, Job
from dutiful.core.settle import Settlement
from dutiful.core.state import PENDING, State, movable
from dutiful.core.task_log import joined

from .table import Tables


class MemoryConsumer:
    """The roles `Consumer` and `Transactional`."""

    def __init__(self, tables: Tables) -> None:
        """Share the engine's tables."""
        self.tables = tables

    async def exchange(
        self, worker: str, settlements: Sequence[Settlement], wanted: Wanted | None
    ) -> Exchanged:
        """Settle and claim in one step."""
        tables = self.tables
        with tables.lock:
            refused = tuple(item.claim.job.id for item in settlements if not self.settle(item))
            if settlements:
                tables.wake()
            if wanted is None:
                return Exchanged(refused=refused)
            member = tables.fleet.get(worker)
            if member is None or member.lost:
                return Exchanged(refused=refused, lost=True)
            claims = self._claim(worker, wanted)
            return Exchanged(claims, refused, self._due_in(wanted))

    async def wait(self, queues: Sequence[str], seconds: float) -> None:
        """Wait until something changes, unless there is work already."""
        await self.tables.sleep(seconds, self._ready(queues))

    def _ready(self, queues: Sequence[str]) -> Callable[[], bool]:
        def ready() -> bool:
            now = self.tables.clock.now()
            return any(
                job.run_at <= now
                for job in self.tables.jobs.values()
                if job.state in PENDING
                and job.queue in queues
                and job.queue not in self.tables.paused
            )

        return ready

    async def record_step(self, claim: Claim, name: str, result: bytes) -> bool:
        """Store a step's first result."""
        tables = self.tables
        with tables.lock:
            job = self.held(claim)
            if job is None:
                return False
            steps = tables.recorded.setdefault(job.id, {})
            steps.setdefault(name, result)
            tables.change(job, steps=len(steps))
            return True

    def transaction(self, claim: Claim) -> MemoryTransaction:
        """Prepare writes to the engine's data that are kept when the job is settled."""
        return MemoryTransaction(self, claim)

    def atransaction(self, claim: Claim) -> None:
        """Return None: coroutines use the sync transaction, in a thread."""

    def held(self, claim: Claim) -> Job | None:
        """Return the running job whose fence is the claim's, or None when the claim is stale."""
        job = self.tables.jobs.get(claim.job.id)
        return job if job is not None and valid(job, claim) else None

    def settle(self, item: Settlement) -> bool:
        """Write one settlement; False when the claim is stale."""
        job = self.held(item.claim)
        if job is None:
            row = self.tables.jobs.get(item.claim.job.id)
            return row is not None and repeated(row, item)
        if item.error is not None:
            self.tables.failures.setdefault(job.id, []).append(item.error)
        if item.claim.log:
            logs = self.tables.logs
            logs[job.id] = joined(logs.get(job.id), item.claim.log)
        self.tables.put(apply(job, item, self.tables.clock.now()))
        return True

    def _claim(self, worker: str, wanted: Wanted) -> tuple[Claim, ...]:
        tables, now = self.tables, self.tables.clock.now()
        tables.stage(now)
        chosen: list[Job] = []
        for queue in dict.fromkeys(wanted.queues):
            if queue in tables.paused:
                continue
            ready = [
                job
                for job in tables.jobs.values()
                if job.state is State.QUEUED and job.queue == queue
            ]
            ready.sort(key=_order)
            chosen.extend(ready[: wanted.limit - len(chosen)])
        claims: list[Claim] = []
        for job in chosen:
            running = claimed(job, worker, now, tables.floor)
            tables.put(running)
            reported = replace(
                running, meta=dict(running.meta)
            )  # a copy, so that a task's changes stay in the task
            claims.append(Claim(reported, job.id, dict(tables.recorded.get(job.id, {}))))
        return tuple(claims)

    def _due_in(self, wanted: Wanted) -> int | None:
        due = [
            job.run_at
            for job in self.tables.jobs.values()
            if movable(job.state, "stage") and job.queue in wanted.queues
        ]
        return max(min(due) - self.tables.clock.now(), 0) if due else None


class MemoryTransaction:
    """Writes to a copy of the engine's data, kept when the job is settled."""

    def __init__(self, consumer: MemoryConsumer, claim: Claim) -> None:
        """Open nothing yet."""
        self._consumer = consumer
        self._claim = claim
        self._changes: dict[str, Any] | None = None

    def begin(self) -> dict[str, Any]:
        """Return a dict; what the task puts there is kept or dropped as a whole."""
        self._changes = {}
        return self._changes

    def commit(self, settlement: Settlement) -> bool:
        """Settle the job and keep the writes, or neither."""
        tables = self._consumer.tables
        with tables.lock:
            changes, self._changes = self._changes, None
            if changes is None:
                raise UsageError("begin the transaction before committing it")
            if self._consumer.held(self._claim) is None:
                return False
            self._consumer.settle(settlement)
            tables.data.update(changes)
        tables.wake()
        return True

    def rollback(self) -> None:
        """Drop the writes."""
        with self._consumer.tables.lock:
            self._changes = None


def _order(job: Job) -> tuple[int, int]:
    return (-job.priority, job.run_at)
