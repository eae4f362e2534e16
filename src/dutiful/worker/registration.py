"""One registration of a worker: from joining the fleet until it leaves or is lost."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from typing import Literal

from dutiful.contract.capability import Capability
from dutiful.contract.clock import Clock
from dutiful.contract.facade import Store
from dutiful.core.errors import EngineError
from dutiful.core.event import (
    LeaseLost,
    ServiceFailed,
    WorkerDraining,
    WorkerJoined,
    WorkerLeft,
    WorkerStalled,
)
from dutiful.core.job import Claim
from dutiful.core.retry import Random
from dutiful.core.settle import Rules
from dutiful.core.worker_report import encode_report
from dutiful.services.process import Process
from dutiful.services.service import Service, ServiceLoop

from .app_protocol import WorkerApp
from .condition import Condition
from .drain import LOST_GRACE, Drain
from .executor import Executor
from .fetch_loop import FetchLoop
from .heartbeat import Heartbeat, HeartbeatTask, HeartbeatThread
from .job_heartbeat import kind_of_heartbeat
from .job_leases import JobLeases, bounded, leases_of
from .joining import introduce
from .obedience import Obedience
from .options import WorkerOptions
from .store_retry import StoreRetry

Ending = Literal["stopped", "burst", "recycled", "lost"]
MakeServices = Callable[["Registration"], list[Service]]

_HEARTBEAT = "heartbeat"


class Registration:
    """Joins (if the engine registers workers), runs jobs until a stop is requested, and leaves."""

    def __init__(
        self,
        app: WorkerApp,
        store: Store,
        process: Process,
        options: WorkerOptions,
        *,
        clock: Clock,
        rng: Random,
        rules: Callable[[str], Rules],
        store_retry: StoreRetry,
        condition: Condition | None = None,
    ) -> None:
        """Prepare a registration with a new id; call it on the loop that runs the jobs."""
        self.worker = worker = process.name()
        self._process = process
        self.store, self.options = store, options
        self._loop = asyncio.get_running_loop()
        self._changed, self._asked = asyncio.Event(), asyncio.Event()
        self._lease = lease = bounded(options.lease, store.engine.bounds.lease)
        held = leases_of(store.engine, lease, clock)
        self._condition = condition = condition or Condition(store_retry.trouble)
        self.joined = False  # whether the store knows it
        self._heartbeat = self._make_heartbeat(clock, held)
        self.executor: Executor = Executor(
            app,
            options.concurrency,
            clock=clock,
            valid=self._heartbeat.valid,
            changed=self._changed.set,
            store_retry=store_retry,
            leases=held,
        )
        self._fetch_loop = FetchLoop(
            store,
            worker,
            self.executor,
            queues=options.queues,
            poll=store.poll if options.poll is None else options.poll,
            rng=rng,
            rules=rules,
            changed=self._changed,
            store_retry=store_retry,
            burst=options.burst,
        )
        self._fetch_loop.overdue = self._overdue
        self._store_retry, self._trouble = store_retry, store_retry.trouble
        self._asked_at = 0.0
        self._drain = Drain(
            self.executor,
            self._fetch_loop,
            self._changed,
            grace=options.grace / 1_000_000,
            lost=lambda: self._heartbeat.lost,
            cut_off=lambda stopped: store.emit(LeaseLost(worker, stopped)),
        )
        self._rng = rng
        self._orders = Obedience(self, condition)
        condition.registration = self

    @property
    def heartbeat(self) -> Heartbeat:
        """What renews the lease."""
        return self._heartbeat

    @property
    def heartbeat_micros(self) -> int:
        """How often the lease is renewed."""
        return self._lease.heartbeat

    def _make_heartbeat(self, clock: Clock, held: JobLeases | None) -> Heartbeat:
        store, worker = self.store, self.worker
        make = kind_of_heartbeat(
            store, held, self._jobs_lost, lambda: self._trouble.left(_HEARTBEAT)
        )
        return make(
            store.leases,
            worker,
            self._lease,
            clock,
            on_lost=lambda: self._from_heartbeat(self._lease_lost),
            on_cancels=lambda ids: self._from_heartbeat(self.executor.cancel, ids),
            on_fault=self._heartbeat_failed,
            on_stalled=lambda seconds: store.emit(WorkerStalled(worker, seconds)),
            on_answer=self._heard_of_store,
            ask=self._from_heartbeat,
            idle=lambda: self.executor.resting,
            report=self._report if store.can(Capability.ORDERS) else None,
            on_order=lambda order: self._from_heartbeat(self._orders.obey, order),
        )

    def _report(self) -> str:
        return encode_report(self._condition.report())

    def look_again(self) -> None:
        """Claim again after a time without claims, or notice that claims are to end."""
        self._fetch_loop.look_again()

    def since(self, at: float) -> int:
        """Return the microseconds since a time of the loop."""
        return max(round((self._loop.time() - at) * 1_000_000), 0)

    def held_back(self) -> object:
        """Return a mark that changes with each progress; None when no claimed job waits for any."""
        executor, asking = self.executor, self._fetch_loop.asking
        if executor.draining or self._trouble.since is not None or not self.healthy():
            return None
        if executor.ended or (executor.waiting and len(executor.running) < executor.capacity.slots):
            return self.worker, executor.progressed, executor.done
        return None if asking is None else (self.worker, asking)

    def healthy(self) -> bool:
        """Whether this worker's own lease holds."""
        return self._heartbeat.valid()

    def calm(self) -> bool:
        """Whether this worker is idle and the store said that no job has to be rescued."""
        return self._heartbeat.calm and self.executor.resting

    def stop(self, grace: float | None = None) -> None:
        """Request the end: no new claims; running jobs get ``grace`` seconds (default: options)."""
        if grace is not None:
            self._drain.grace = grace
        if not self._asked.is_set():
            self._asked_at = self._loop.time()
            if self.joined:
                jobs, ordered = len(self.executor.running), self._condition.drained
                self.store.emit(WorkerDraining(self.worker, jobs, ordered))
        self._asked.set()
        # Before the fetch loop notices, so that jobs of a pending exchange are not started.
        self.executor.drain()
        self._changed.set()

    async def run(self, make: MakeServices, recycle: Callable[[int], bool]) -> Ending:
        """Serve until a stop is requested; ``recycle`` is called with the number of jobs done."""
        if not await self._join():
            return "stopped"
        kind = HeartbeatThread if self.options.heartbeat_in_thread else HeartbeatTask
        heartbeat = kind(self._heartbeat)
        services = make(self) if self.options.services else []
        loops = [
            ServiceLoop(service, self.store.emit, self._rng, self._trouble) for service in services
        ]
        if self.options.burst:  # else it could end before they have made jobs that are due now
            for one in loops:
                await one.once()
        chores = [asyncio.create_task(one.forever()) for one in loops]
        ending: list[Ending] = []

        def stopping() -> bool:
            if not ending and (found := self._ending(recycle)):
                ending.append(found)
            return bool(ending)

        try:
            try:
                await self._fetch_loop.run(stopping)
            except EngineError:
                # Not an error if the wait for the store ended because this registration has to end.
                if not self._overdue():
                    raise
            lost = self._fetch_loop.lost or self._heartbeat.lost
            self._fetch_loop.released = 0
            await self._drain.run(lost=lost)
        finally:
            for chore in chores:
                chore.cancel()
            await asyncio.gather(*chores, return_exceptions=True)
            await heartbeat.stop()
            self._trouble.left(_HEARTBEAT)
        if not lost:
            await self._leave()
        self.store.emit(WorkerLeft(self.worker, self._fetch_loop.released))
        return "lost" if lost else (ending or ["stopped"])[0]

    async def close(self) -> bool:
        """End children and idle threads; False when a thread runs on."""
        return await self.executor.close()

    def _ending(self, recycle: Callable[[int], bool]) -> Ending | None:
        if self._heartbeat.lost:
            return "lost"
        if self._asked.is_set():
            return "stopped"
        if recycle(self.executor.done):
            return "recycled"
        if self.options.burst and self._fetch_loop.dry and self.executor.resting:
            return "burst"
        return None

    async def _join(self) -> bool:
        """Register, waiting out any outage; False when a stop is requested before that."""
        info = introduce(self.worker, self.options, self._lease, self._process)

        async def join() -> None:
            self._heartbeat.start()
            if self.store.can(Capability.FLEET):
                await self.store.fleet.join(info)
                await self._orders.joined()

        try:
            await self._store_retry.ask(join, self._asked.is_set)
        except EngineError:
            if not self._asked.is_set():
                raise
            return False
        self.joined = True
        self.store.emit(WorkerJoined(self.worker, info.queues))
        return True

    async def _leave(self) -> None:
        if not self.store.can(Capability.FLEET):
            return
        with contextlib.suppress(EngineError):
            await self.store.fleet.leave(self.worker)

    def _lease_lost(self) -> None:
        """Stop the bodies from here: the fetch loop may hang in a call to the store."""
        self._drain.interrupt("lost")
        self._changed.set()

    def _jobs_lost(self, claims: Sequence[Claim]) -> None:
        """Stop the jobs whose leases are over; the others go on."""

        def stop() -> None:
            self.store.emit(LeaseLost(self.worker, self.executor.lose(claims)))

        self._from_heartbeat(stop)

    def _overdue(self) -> bool:
        """Whether to stop waiting for the store: the worker is lost, or its grace is over."""
        stopping = self._asked.is_set()
        return self._heartbeat.lost or (
            stopping and self._loop.time() >= self._asked_at + self._drain.grace + LOST_GRACE
        )

    def _heartbeat_failed(self, error: Exception) -> None:
        self.store.emit(ServiceFailed("heartbeat", f"{type(error).__name__}: {error}"))

    def _heard_of_store(self, error: Exception | None, began: int) -> None:
        if error is None:
            self._trouble.answered(_HEARTBEAT)
            return
        if isinstance(error, TimeoutError):
            error = TimeoutError("it did not renew the lease in time")
        self._trouble.met(_HEARTBEAT, error, began)

    def _from_heartbeat(self, call: Callable[..., None], *args: object) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has been closed meanwhile
            self._loop.call_soon_threadsafe(call, *args)
