"""The store as the rest of the package sees it: checks what is declared, then emits events."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from threading import get_ident
from typing import Any, TypeVar

from dutiful.core.errors import EngineError, PartlyEnqueued, Unsupported
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
from .capability import ADVICE, Capability
from .engine import UNBOUNDED, Engine
from .enqueue_check import FOR_BATCHES, Parts, refuse_unfit, takes_all
from .page import Finding
from .reentry import insider, refuse_reentry, writing
from .roles.consumer import Consumer, Exchanged, Wanted
from .roles.controller import Controller
from .roles.fleet import Fleet, Leases
from .roles.fleet_orders import FleetOrders
from .roles.inspector import Inspector
from .roles.producer import CallerProducer, Receipt, created
from .roles.retention import Retention
from .roles.schedule_store import ScheduleStore
from .roles.schema import Schema
from .roles.transactional import Transactional
from .roles.transfer import Exporter, Importer

R = TypeVar("R")

_FOR_SYNC = FOR_BATCHES | {Capability.SYNC_ENQUEUE}


class Store:
    """One engine behind the checks and events that all engines share."""

    def __init__(self, engine: Engine, emit: Emit = ignore) -> None:
        """Wrap an engine; ``emit`` is called with every event, in the caller's thread."""
        self.engine = engine
        self.emit = emit

    @property
    def name(self) -> str:
        """The engine's name, as its URL scheme spells it."""
        return self.engine.name

    @property
    def poll(self) -> float:
        """Seconds after which an idle worker looks for work even without a wake-up."""
        return self.engine.poll

    def can(self, capability: Capability) -> bool:
        """Whether the engine declares the capability."""
        return capability in self.engine.capabilities

    def require(self, capability: Capability) -> None:
        """Raise Unsupported, before any I/O, unless the engine declares the capability."""
        if capability not in self.engine.capabilities:
            raise Unsupported(self.engine.name, capability.value, ADVICE.get(capability, ""))

    def controller(self, capability: Capability) -> Controller:
        """Return the role of changing jobs by hand; Unsupported without ``capability``."""
        self.require(capability)
        if self.engine.controller is None:
            raise Unsupported(
                self.engine.name, "change jobs that it holds", "let them run, or enqueue others"
            )
        return self.engine.controller

    @property
    def inspector(self) -> Inspector:
        """The role of looking at jobs, or Unsupported."""
        return self._role(self.engine.inspector, Capability.INSPECT)

    @property
    def retention(self) -> Retention:
        """The role of pruning, or Unsupported."""
        return self._role(self.engine.retention, Capability.PRUNE)

    @property
    def exporter(self) -> Exporter:
        """The role of exporting a store's content, or Unsupported."""
        return self._role(self.engine.exporter, Capability.EXPORT)

    @property
    def importer(self) -> Importer:
        """The role of importing another store's content, or Unsupported."""
        return self._role(self.engine.importer, Capability.IMPORT)

    @property
    def transactional(self) -> Transactional:
        """The role of joining a task's writes with its completion, or Unsupported."""
        return self._role(self.engine.transactional, Capability.TRANSACTION)

    @property
    def schedules(self) -> ScheduleStore:
        """The role of keeping schedules, or Unsupported."""
        return self._role(self.engine.schedules, Capability.SCHEDULES)

    @property
    def schema(self) -> Schema:
        """The role of keeping a schema, or Unsupported."""
        return self._role(self.engine.schema, Capability.MIGRATE)

    @property
    def fleet(self) -> Fleet:
        """The role of knowing the workers, or Unsupported."""
        return self._role(self.engine.fleet, Capability.FLEET)

    @property
    def orders(self) -> FleetOrders:
        """The role of passing orders to workers, or Unsupported."""
        return self._role(self.engine.orders, Capability.ORDERS)

    @property
    def leases(self) -> Leases | None:
        """The role of prolonging leases; None where the server keeps them."""
        return self.engine.leases

    @property
    def consumer(self) -> Consumer:
        """The role of giving jobs out, without the facade's events (see `exchange`)."""
        return self.engine.consumer

    def _role(self, role: R | None, capability: Capability) -> R:
        self.require(capability)
        if role is None:
            raise Unsupported(self.engine.name, capability.value, ADVICE.get(capability, ""))
        return role

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
            receipts = await producer.enqueue(jobs)
            self.emit(_enqueued(receipts))
            return receipts
        refuse_unfit(engine, jobs)
        parts = Parts(jobs, engine.bounds.batch or max(len(jobs), 1))
        for part in parts:
            try:
                parts.stored(part, await producer.enqueue(part))
            except Exception as error:  # noqa: BLE001 - none may hide what is stored already
                parts.failed(part, error)
        return self._sent(parts)

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
            receipts = producer.enqueue_sync(jobs)
        finally:
            writing.discard(ident)
        self.emit(_enqueued(receipts))
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
                    parts.stored(part, producer.enqueue_sync(part))
                except Exception as error:  # noqa: BLE001 - see `enqueue`
                    parts.failed(part, error)
        return self._sent(parts)

    def _sent(self, parts: Parts) -> tuple[Receipt, ...]:
        """Emit what became of a batch, and return its receipts or raise."""
        try:
            receipts = parts.receipts()
        except EngineError as error:
            partly = error if isinstance(error, PartlyEnqueued) else error.__cause__
            if isinstance(partly, PartlyEnqueued) and partly.stored:
                self.emit(_enqueued(tuple(partly.receipts.values())))
            raise
        self.emit(_enqueued(receipts))
        return receipts

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
        answer = await self.consumer.exchange(worker, settlements, wanted)
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
