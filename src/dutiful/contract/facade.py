"""The store as the rest of the house sees it: checks what is declared, then emits what happened."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from threading import get_ident
from typing import Any, cast

from dutiful.core.errors import Unsupported
from dutiful.core.event import Claimed, ClaimsRefused, Emit, Enqueued, JobDied, Settled, ignore
from dutiful.core.job import NewJob
from dutiful.core.settle import Settlement
from dutiful.core.state import State

from . import coverage
from .capability import Capability
from .guard import Guarded
from .moving import Mover
from .page import Finding
from .producing import created
from .protocol import (
    Consumer,
    Controller,
    Exchanged,
    Fleet,
    Inspector,
    Keeper,
    Lifecycle,
    Producer,
    Receipt,
    SyncProducer,
    Transactional,
    Wanted,
)
from .reentry import refuse_reentry, writing
from .scheduling import Scheduling

_FOR_JOBS = frozenset({Capability.UNIQUE, Capability.PRIORITY, Capability.DELAY, Capability.EXPIRY})
"""What the options of a job may need."""
_FOR_SYNC = _FOR_JOBS | {Capability.SYNC_ENQUEUE}


class Store:
    """One engine behind the checks and events that all engines share."""

    def __init__(self, engine: Lifecycle, emit: Emit = ignore) -> None:
        """Wrap an engine; ``emit`` is called with every event, in the caller's thread."""
        self.engine = engine
        self.emit = emit

    @property
    def name(self) -> str:
        """The engine's name, as its URL scheme spells it."""
        return self.engine.name

    @property
    def poll(self) -> float:
        """Seconds after which an idle worker looks for work though nobody woke it."""
        return self.engine.poll

    def can(self, capability: Capability) -> bool:
        """Whether the engine declares the capability."""
        return capability in self.engine.capabilities

    def require(self, capability: Capability, advice: str = "") -> None:
        """Raise Unsupported, before any I/O, unless the engine declares the capability."""
        if capability not in self.engine.capabilities:
            raise Unsupported(self.engine.name, capability.value, advice)

    @property
    def inspector(self) -> Inspector:
        """The role of looking at jobs, or Unsupported."""
        self.require(Capability.INSPECT)
        return cast(Inspector, self.engine)

    @property
    def controller(self) -> Controller:
        """The role of changing jobs by hand; each method checks its own capability."""
        return Guarded(cast(Controller, self.engine), self.require)

    @property
    def keeper(self) -> Keeper:
        """The role of pruning, or Unsupported."""
        self.require(Capability.PRUNE)
        return cast(Keeper, self.engine)

    @property
    def mover(self) -> Mover:
        """The role of being read out and filled, or Unsupported."""
        self.require(Capability.COPY)
        return cast(Mover, self.engine)

    @property
    def transactional(self) -> Transactional:
        """The role of joining a task's writes with its completion, or Unsupported."""
        self.require(Capability.TRANSACTION)
        return cast(Transactional, self.engine)

    @property
    def scheduling(self) -> Scheduling:
        """The role of keeping schedules, or Unsupported."""
        self.require(Capability.SCHEDULES, "use another engine, or enqueue from outside")
        return cast(Scheduling, self.engine)

    @property
    def fleet(self) -> Fleet:
        """The role of knowing the workers."""
        return cast(Fleet, self.engine)

    @property
    def consumer(self) -> Consumer:
        """The role of giving jobs out, without the facade's events (see `exchange`)."""
        return cast(Consumer, self.engine)

    async def check(self) -> tuple[Finding, ...]:
        """Look at the store's health: see `Lifecycle.check`; then at who serves its queues."""
        found = await self.engine.check()
        if not all(finding.ok for finding in found if finding.name in ("schema", "indexes")):
            return found  # what is asked below may need what is missing
        workers = await self.fleet.workers()
        if Capability.INSPECT not in self.engine.capabilities:
            return (*found, coverage.of_workers(workers))
        queues = await self.inspector.queues()
        return (*found, coverage.of_workers(workers), coverage.of_queues(workers, queues))

    async def enqueue(self, jobs: Sequence[NewJob]) -> tuple[Receipt, ...]:
        """Store jobs: see `Producer.enqueue`."""
        self._check(jobs)
        receipts = await cast(Producer, self.engine).enqueue(jobs)
        self.emit(_enqueued(receipts))
        return receipts

    def enqueue_sync(self, jobs: Sequence[NewJob]) -> tuple[Receipt, ...]:
        """Store jobs in the calling thread: see `SyncProducer.enqueue_sync`."""
        if not _FOR_SYNC <= self.engine.capabilities:
            self._check(jobs)
            self.require(Capability.SYNC_ENQUEUE)
        ident = get_ident()
        if ident in writing or sys.is_finalizing():
            refuse_reentry()
        try:  # as `insider` does, which takes longer
            writing.add(ident)
            receipts = cast(SyncProducer, self.engine).enqueue_sync(jobs)
        finally:
            writing.discard(ident)
        self.emit(_enqueued(receipts))
        return receipts

    def enqueue_on(self, connection: Any, jobs: Sequence[NewJob]) -> tuple[Receipt, ...]:
        """Store jobs inside the caller's transaction: see `SyncProducer.enqueue_on`."""
        self._check(jobs)
        self.require(Capability.CALLER_TRANSACTION)
        return cast(SyncProducer, self.engine).enqueue_on(connection, jobs)

    async def aenqueue_on(self, connection: Any, jobs: Sequence[NewJob]) -> tuple[Receipt, ...]:
        """Store jobs inside the caller's transaction: see `SyncProducer.aenqueue_on`."""
        self._check(jobs)
        self.require(Capability.CALLER_TRANSACTION)
        return await cast(SyncProducer, self.engine).aenqueue_on(connection, jobs)

    async def exchange(
        self, worker: str, settlements: Sequence[Settlement], wanted: Wanted | None
    ) -> Exchanged:
        """Settle and claim: see `Consumer.exchange`. Emits what the store accepted."""
        answer = await self.consumer.exchange(worker, settlements, wanted)
        if answer.refused:
            self.emit(ClaimsRefused(worker, answer.refused))
        if answer.refused or answer.delayed:
            unwritten = {*answer.refused, *answer.delayed}
            settlements = [item for item in settlements if item.claim.job.id not in unwritten]
        if settlements:
            self.settled(worker, settlements)
        if answer.claims:
            self.emit(Claimed(worker, len(answer.claims)))
        return answer

    def settled(self, worker: str, settlements: Sequence[Settlement]) -> None:
        """Emit what follows from settlements that the store accepted."""
        self.emit(Settled(worker, tuple(settlements)))
        for item in settlements:
            if item.state is State.DEAD:
                self.emit(JobDied(item.claim.job, item.reason or "", item.error))

    def reported(self, worker: str, settlement: Settlement, held: bool) -> None:
        """Emit how a settlement inside a task's own transaction went."""
        if held:
            self.settled(worker, [settlement])
        else:
            self.emit(ClaimsRefused(worker, (settlement.claim.job.id,)))

    def _check(self, jobs: Sequence[NewJob]) -> None:
        declared = self.engine.capabilities
        if _FOR_JOBS <= declared:
            return
        for job in jobs:
            if job.unique is not None and Capability.UNIQUE not in declared:
                self.require(Capability.UNIQUE, "enqueue it without unique=")
            if job.priority and Capability.PRIORITY not in declared:
                self.require(Capability.PRIORITY, "use a queue of its own for urgent jobs")
            if (job.delay or job.run_at is not None) and Capability.DELAY not in declared:
                self.require(Capability.DELAY, "enqueue it when it is due")
            if job.expires_in is not None and Capability.EXPIRY not in declared:
                self.require(Capability.EXPIRY, "check the age in the task")


def _enqueued(receipts: tuple[Receipt, ...]) -> Enqueued:
    if len(receipts) == 1:
        new = receipts[0].created
        return Enqueued(int(new), int(not new))
    return Enqueued(created(receipts), sum(not receipt.created for receipt in receipts))
