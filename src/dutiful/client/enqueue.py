"""The way of jobs into the store: the hooks, the store itself, and another try in an outage."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, Iterable, Sequence
from time import monotonic, sleep
from typing import Any

import msgspec

from dutiful.contract.capability import Capability
from dutiful.contract.roles.producer import Receipt, created
from dutiful.core.admission import admit
from dutiful.core.instant import span
from dutiful.core.job import NewJob

from .app_protocol import AppProtocol
from .batches import achunks, aoverlapped, chunks, overlapped
from .handle import Handle
from .looping import refuse_on_loop, running_loop
from .options import Options, Span
from .outage_retry import REPEATED, EnqueueRetry


class Enqueuer:
    """Stores the jobs of one app: single jobs, batches and streams of any length.

    Each job passes the ``on_enqueue`` hooks. The store is opened when first needed. A call that
    fails because the store cannot be used, or whose reply is lost, is repeated for as long as the
    caller has patience; where a job that is sent twice would be stored twice, a lost reply is
    raised, and only jobs that the store has refused are sent again. On the caller's own
    ``connection``, jobs are statements of its transaction: nothing is opened or repeated.
    """

    def __init__(self, app: AppProtocol) -> None:
        """Enqueue into the app's store, whichever it is at each call."""
        self.app = app
        self._hooks = app.hooks
        self._lazy = app.lazy

    def enqueue(
        self, job: NewJob, options: Options, decoder: msgspec.json.Decoder[Any]
    ) -> Handle[Any]:
        """Store one job from sync code; ``decoder`` reads its result.

        UsageError on an event loop, which it would block, unless the options have a connection.
        """
        if options.connection is None and running_loop() is not None:
            refuse_on_loop("enqueue")
        receipt = self.batch((job,), options.connection, options.patience)[0]
        return Handle(self.app, receipt.id, receipt.created, decoder)

    async def aenqueue(
        self, job: NewJob, options: Options, decoder: msgspec.json.Decoder[Any]
    ) -> Handle[Any]:
        """Store one job from async code; concurrent callers share a commit."""
        receipts = await self.abatch((job,), options.connection, options.patience)
        return Handle(self.app, receipts[0].id, receipts[0].created, decoder)

    def batch(
        self, jobs: Sequence[NewJob], connection: Any = None, patience: int | None = None
    ) -> tuple[Receipt, ...]:
        """Store built jobs from sync code; ``patience`` is in microseconds.

        All or none with ATOMIC_BATCH; else PartlyEnqueued says which were stored, and ReplyUnknown
        has PartlyEnqueued as its cause where the fate of only a part of the batch is unknown.
        """
        ready = self._hooks.before(jobs) if self._hooks.on_enqueue else jobs
        if self._hooks.tracer is None:
            return self._write(ready, connection, patience)
        return self._put(ready, connection, patience)

    async def abatch(
        self, jobs: Sequence[NewJob], connection: Any = None, patience: int | None = None
    ) -> tuple[Receipt, ...]:
        """Do what `batch` does, from async code."""
        ready = await self._hooks.abefore(jobs) if self._hooks.on_enqueue else jobs
        if (tracer := self._hooks.tracer) is None:
            return await self._awrite(ready, connection, patience)
        with tracer.sending(ready) as sending:
            return sending.stored(await self._awrite(sending.jobs, connection, patience))

    def many(
        self, jobs: Iterable[NewJob], connection: Any, size: int, patience: Span | None
    ) -> int:
        """Store a stream of jobs in batches of ``size``, and return how many were new.

        The next batch is built, and passes the hooks, in this thread while one is stored.
        """
        limit = None if patience is None else span(patience)
        if connection is not None:
            parts = chunks(jobs, size)
            return sum(created(self.batch(admit(part), connection)) for part in parts)
        refuse_on_loop("enqueue_many")
        ready = map(self._hooks.before, map(admit, chunks(jobs, size)))
        return overlapped(ready, size, lambda part: created(self._put(part, None, limit)))

    async def amany(
        self,
        jobs: Iterable[NewJob] | AsyncIterable[NewJob],
        connection: Any,
        size: int,
        patience: Span | None,
    ) -> int:
        """Do what `many` does, from async code and also from an async iterable."""
        limit = None if patience is None else span(patience)

        async def each(part: list[NewJob]) -> int:
            return created(await self.abatch(admit(part), connection, limit))

        parts = achunks(jobs, size)
        if connection is not None:
            return sum([await each(part) async for part in parts])
        return await aoverlapped(parts, each)

    def _put(
        self, jobs: Sequence[NewJob], connection: Any, patience: int | None
    ) -> tuple[Receipt, ...]:
        if (tracer := self._hooks.tracer) is None:
            return self._write(jobs, connection, patience)
        with tracer.sending(jobs) as sending:
            return sending.stored(self._write(sending.jobs, connection, patience))

    def _write(
        self, jobs: Sequence[NewJob], connection: Any, patience: int | None
    ) -> tuple[Receipt, ...]:
        if connection is not None:
            return self._lazy.store.enqueue_on(connection, jobs)
        limit = self._lazy.settings.enqueue_patience if patience is None else patience
        began, again = monotonic(), None
        while True:
            try:
                receipts = self._once(jobs if again is None else again.left)
                return receipts if again is None else again.receipts(receipts)
            except REPEATED as error:
                again = again or self._again(jobs, limit, began)
                pause = again.pause_after(error, monotonic())
            except Exception as error:
                if again is not None:
                    again.ended_by(error)
                raise
            sleep(pause)

    def _once(self, jobs: Sequence[NewJob]) -> tuple[Receipt, ...]:
        store = self._lazy.store
        # Such an engine opens itself, in this thread.
        if Capability.SYNC_ENQUEUE in store.engine.capabilities:
            return store.enqueue_sync(jobs)
        refuse_on_loop("enqueue_jobs")
        return self.app.portal.run(self._aonce(jobs))

    async def _awrite(
        self, jobs: Sequence[NewJob], connection: Any, patience: int | None
    ) -> tuple[Receipt, ...]:
        if connection is not None:
            return await self._lazy.store.aenqueue_on(connection, jobs)
        limit = self._lazy.settings.enqueue_patience if patience is None else patience
        clock = asyncio.get_running_loop().time
        began, again = clock(), None
        while True:
            try:
                receipts = await self._aonce(jobs if again is None else again.left)
                return receipts if again is None else again.receipts(receipts)
            except REPEATED as error:
                again = again or self._again(jobs, limit, began)
                pause = again.pause_after(error, clock())
            except Exception as error:
                if again is not None:
                    again.ended_by(error)
                raise
            await asyncio.sleep(pause)

    def _again(self, jobs: Sequence[NewJob], patience: int, began: float) -> EnqueueRetry:
        store = self._lazy.store
        once = store.can(Capability.IDEMPOTENT_ENQUEUE)
        return EnqueueRetry(jobs, patience, began, engine=store.name, idempotent=once)

    async def _aonce(self, jobs: Sequence[NewJob]) -> tuple[Receipt, ...]:
        if self._lazy.notices is None:
            await self._lazy.open()
        return await self._lazy.store.enqueue(jobs)
