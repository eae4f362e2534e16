"""The store as the rest of the package sees it: checks what is declared, then emits events."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from functools import partial
from threading import get_ident
from typing import Any

from dutiful.core.errors import EngineError, PartlyEnqueued
from dutiful.core.event import (
    Claimed,
    ClaimsRefused,
    Emit,
    Enqueued,
    JobDied,
    Settled,
    SettlementsUnknown,
    ignore,
)
from dutiful.core.job import Claim, NewJob
from dutiful.core.settle import Settlement
from dutiful.core.state import State

from . import coverage
from .capability import Capability
from .engine import UNBOUNDED, Engine
from .enqueue_check import FOR_BATCHES, Parts, refuse_unfit, takes_all
from .meter import JobsClaimed, JobsStored, Meter
from .page import Finding
from .reentry import insider, refuse_reentry, writing
from .roles.consumer import Exchanged, Wanted
from .roles.producer import CallerProducer, Receipt, created
from .store_roles import StoreRoles

_FOR_SYNC = FOR_BATCHES | {Capability.SYNC_ENQUEUE}


class Store(StoreRoles):
    """One engine behind the checks and events that all engines share."""

    def __init__(self, engine: Engine, emit: Emit = ignore, meter: Meter | None = None) -> None:
        """Wrap an engine; ``emit`` is called with every event, in the caller's thread."""
        super().__init__(engine)
        self.emit = emit
        self.meter = meter or Meter()

    async def check(self) -> tuple[Finding, ...]:
        """Check the store's health (see `Engine.check`), then which queues have live workers."""
        found = await self.engine.check()
        if not all(finding.ok for finding in found if finding.name in ("schema", "indexes")):
            return found  # the queries below may need the tables or indexes that are missing
        if not self.can(Capability.FLEET):
            return (*found, coverage.unknown(self.name))
        workers = await self.fleet.workers()
        if not self.can(Capability.INSPECT):
            return (*found, coverage.of_workers(workers))
        queues = await self.inspector.queues()
        return (*found, coverage.of_workers(workers), coverage.of_queues(workers, queues))

    async def enqueue(self, jobs: Sequence[NewJob]) -> tuple[Receipt, ...]:
        """Store jobs (see `Producer.enqueue`); a batch too long for one call is sent in parts.

        Raises Unsupported, BadOption or PayloadTooLarge, before any I/O, for a job that the engine
        cannot store. Without ATOMIC_BATCH it raises PartlyEnqueued when some jobs were stored and
        the others were not (its cause says why, such as DuplicateJob), and ReplyUnknown when some
        may have been stored; its cause is then
        PartlyEnqueued about the others.
        """
        engine, producer = self.engine, self.engine.producer
        if takes_all(engine):
            receipts = await self.meter.timed("enqueue", producer.enqueue(jobs))
            self._stored(jobs, receipts)
            return receipts
        refuse_unfit(engine, jobs)
        parts = Parts(jobs, engine.bounds.batch or max(len(jobs), 1))
        for part in parts:
            try:
                parts.stored(part, await self.meter.timed("enqueue", producer.enqueue(part)))
            except Exception as error:  # noqa: BLE001 - none may hide what is stored already
                parts.failed(part, error)
        return self._sent(jobs, parts)

    def enqueue_sync(self, jobs: Sequence[NewJob]) -> tuple[Receipt, ...]:
        """Store jobs in the calling thread: see `SyncProducer.enqueue_sync`."""
        engine = self.engine
        producer = engine.sync_producer
        if producer is None or not (
            engine.bounds is UNBOUNDED and engine.capabilities >= _FOR_SYNC
        ):
            return self._enqueue_checked(jobs)
        ident = get_ident()
        if ident in writing or sys.is_finalizing():
            refuse_reentry()
        try:  # as `insider` does, which takes longer
            writing.add(ident)
            if self.meter.take is None:
                receipts = producer.enqueue_sync(jobs)
            else:
                receipts = self.meter.timed_sync("enqueue", lambda: producer.enqueue_sync(jobs))
        finally:
            writing.discard(ident)
        self.emit(_enqueued(receipts))
        if (take := self.meter.take) is not None:
            take(JobsStored(jobs, receipts))
        return receipts

    def _enqueue_checked(self, jobs: Sequence[NewJob]) -> tuple[Receipt, ...]:
        """Do what `enqueue_sync` does, on an engine that does not take everything."""
        refuse_unfit(self.engine, jobs)
        producer = self._role(self.engine.sync_producer, Capability.SYNC_ENQUEUE)
        parts = Parts(jobs, self.engine.bounds.batch or max(len(jobs), 1))
        refuse_reentry()
        with insider():
            for part in parts:
                try:
                    store = partial(producer.enqueue_sync, part)
                    parts.stored(part, self.meter.timed_sync("enqueue", store))
                except Exception as error:  # noqa: BLE001 - see `enqueue`
                    parts.failed(part, error)
        return self._sent(jobs, parts)

    def _sent(self, jobs: Sequence[NewJob], parts: Parts) -> tuple[Receipt, ...]:
        """Emit what became of a batch, and return its receipts or raise."""
        try:
            receipts = parts.receipts()
        except EngineError as error:
            partly = error if isinstance(error, PartlyEnqueued) else error.__cause__
            if isinstance(partly, PartlyEnqueued) and partly.stored:
                held = {job.id: job for job in jobs if job.id in partly.receipts}
                self._stored([*held.values()], tuple(partly.receipts[key] for key in held))
            raise
        self._stored(jobs, receipts)
        return receipts

    def _stored(self, jobs: Sequence[NewJob], receipts: tuple[Receipt, ...]) -> None:
        """Emit that a batch was stored."""
        self.emit(_enqueued(receipts))
        if (take := self.meter.take) is not None:
            take(JobsStored(jobs, receipts))

    def enqueue_on(self, connection: Any, jobs: Sequence[NewJob]) -> tuple[Receipt, ...]:
        """Store jobs inside the caller's transaction: see `CallerProducer.enqueue_on`."""
        refuse_unfit(self.engine, jobs)
        return self._callers().enqueue_on(connection, jobs)

    async def aenqueue_on(self, connection: Any, jobs: Sequence[NewJob]) -> tuple[Receipt, ...]:
        """Store jobs inside the caller's transaction: see `CallerProducer.aenqueue_on`."""
        refuse_unfit(self.engine, jobs)
        return await self._callers().aenqueue_on(connection, jobs)

    async def exchange(
        self,
        worker: str,
        settlements: Sequence[Settlement],
        wanted: Wanted | None,
        in_time: Callable[[Claim], bool] | None = None,
    ) -> Exchanged:
        """Settle and claim: see `Consumer.exchange`. Emits what the store accepted.

        ``in_time`` says whether a claim's own lease holds. Where it does not when the store has
        answered, another worker may have the job, and the end is reported as unknown.
        """
        exchange = self.consumer.exchange(worker, settlements, wanted)
        answer = await self.meter.timed("exchange", exchange)
        if answer.refused:
            self.emit(ClaimsRefused(worker, answer.refused))
        if answer.refused or answer.delayed:
            unwritten = {*answer.refused, *answer.delayed}
            settlements = [item for item in settlements if item.claim.job.id not in unwritten]
        if in_time is not None:
            late = tuple(item.claim.job.id for item in settlements if not in_time(item.claim))
            if late:
                self.emit(SettlementsUnknown(worker, late))
                settlements = [item for item in settlements if item.claim.job.id not in late]
        if settlements:
            self.settled(worker, settlements)
        if answer.claims:
            self.emit(Claimed(worker, len(answer.claims)))
            if (take := self.meter.take) is not None:
                take(JobsClaimed(answer.claims))
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

    def _callers(self) -> CallerProducer:
        return self._role(self.engine.caller_producer, Capability.CALLER_TRANSACTION)


def _enqueued(receipts: tuple[Receipt, ...]) -> Enqueued:
    if len(receipts) == 1:
        new = receipts[0].created
        return Enqueued(int(new), int(not new))
    return Enqueued(created(receipts), sum(not receipt.created for receipt in receipts))
