"""Copies every job of one store to another, so that none can run in both."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from typing import NamedTuple

from dutiful.contract.capability import Capability
from dutiful.contract.clock import Clock
from dutiful.contract.facade import Store
from dutiful.contract.page import QueueCount
from dutiful.contract.roles.fleet import WorkerStatus
from dutiful.contract.roles.transfer import Record, Refusal
from dutiful.core.errors import BadPayload, UsageError
from dutiful.core.retry import Random
from dutiful.core.settle import Rules
from dutiful.core.state import State

from .filling import Placed, place
from .process import vanished
from .rescuer import Rescuer
from .transfer_schedules import TransferredSchedules, names, transfer_schedules

Counts = Counter[tuple[str, State]]

PAGE_MAX = 2000
_PAGE_FIRST = 100
_PAGE_BYTES = 4 * 1024 * 1024


class Survey(NamedTuple):
    """What a store holds, and who works on it."""

    counts: Counts
    alive: tuple[WorkerStatus, ...]
    schedules: int = 0

    @property
    def running(self) -> int:
        """How many jobs are running."""
        return sum(count for (_, state), count in self.counts.items() if state is State.RUNNING)


class Poured(NamedTuple):
    """What became of the jobs that a pass over the source met."""

    counts: Counts
    there: Counts
    """Those of them that the target has now."""
    stored: int
    refused: tuple[Refusal, ...]


class HandedOver(NamedTuple):
    """What became of the jobs that were to leave the source."""

    dropped: int
    stored: int
    changed: tuple[str, ...]
    """Ids of jobs that changed in the source after they had been copied, and are in both."""
    refused: tuple[Refusal, ...]
    reopened: tuple[str, ...]
    waiting: tuple[str, ...]
    """Queues of the target that stay shut, for another store or for a job that is in both."""
    schedules: TransferredSchedules = TransferredSchedules()


class StoreCopy:
    """One copy: `shut` the queues, `pour` the jobs, look at the counts, perhaps `hand_over`.

    Every part may be run again after an interruption: a job that has arrived is left alone, one
    that has left is not met again.
    """

    def __init__(
        self, source: Store, target: Store, advance: Callable[[int], None] = lambda jobs: None
    ) -> None:
        """Copy between open stores; ``advance`` is called with the size of each batch."""
        self.source, self.target = source.exporter, target.importer
        self.stores = source, target
        self.advance = advance
        self.queues: set[str] = set()
        """Those that are paused in both stores while their jobs are, or may be, in both."""
        self.unfit: dict[str, str] = {}
        """Those that the target cannot pause, and why: none of their jobs goes there."""
        self._shut_there = set[str]()

    async def tell_apart(self) -> None:
        """Raise UsageError if both are one store: what was handed over would be deleted."""
        mark = f"copy-{secrets.token_hex(8)}"
        await self.source.shut([mark], mark)
        try:
            same = mark in await self.target.shut_queues()
        finally:
            await self.source.reopen([mark], mark)
        if same:
            raise UsageError("both URLs lead to the same store; there is nothing to copy")

    async def rescue(self, clock: Clock, rng: Random) -> int:
        """Take back, in the source, the jobs of workers that are gone."""
        rescuer = Rescuer(
            self.stores[0],
            "copy",
            clock=clock,
            rng=rng,
            rules=lambda task: Rules(),
            vanished=vanished,
            healthy=lambda: True,
        )
        return await rescuer.run_once()

    async def shut(self) -> None:
        """Pause what may run: in both stores the queues of live jobs, in the target what is paused.

        Where a person has paused a queue in the source it is paused in the target, and stays so.
        """
        rows = await self.stores[0].inspector.queues()
        ours = set(await self.source.shut_queues())
        for row in rows:
            if row.paused_at is not None and row.queue not in ours:
                await self._pause(row.queue)
        await self._shut({row.queue for row in rows if _live(row)})

    async def _pause(self, queue: str) -> None:
        try:
            await self.stores[1].controller(Capability.PAUSE).pause(queue)
        except (BadPayload, UnicodeEncodeError) as error:
            self.unfit[queue] = str(error)

    async def _shut(self, queues: set[str]) -> None:
        self.queues |= queues
        ids = await self.source.identity(), await self.target.identity()
        for store, other in ((self.source, ids[1]), (self.target, ids[0])):
            refused = await store.shut(sorted(queues), other)
            self.unfit |= {refusal.id: refusal.why for refusal in refused}
        self._shut_there = set(await self.target.shut_queues(ids[0]))

    async def pour(self) -> Poured:
        """Store every job of the source that is not running in the target."""
        counts, there, stored, refused = Counts(), Counts(), 0, list[Refusal]()
        await self._raise_fences()
        async for records in self.pages():
            placed = await self._place(records)
            counts.update(_keys(records))
            there.update(_keys(placed.there))
            stored += placed.stored
            refused += placed.refused
            self.advance(len(records))
        return Poured(counts, there, stored, tuple(refused))

    async def hand_over(self) -> HandedOver:
        """Delete from the source what the target has, then let the target run it.

        The schedules go along last, before a queue is opened; whatever becomes of them, all that
        is shut for this source is opened then, but for queues of jobs that could run in both.
        """
        dropped, stored, changed, kept = 0, 0, list[str](), set[str]()
        refused = list[Refusal]()
        async for records in self.pages():
            placed = await self._place(records)
            there = [record.job for record in placed.there]
            gone = set(await self.source.drop(there))
            left = [job for job in there if job.id not in gone]
            changed += [job.id for job in left]
            kept.update(job.queue for job in left if not job.state.final)
            kept |= placed.held
            dropped += len(gone)
            stored += placed.stored
            refused += placed.refused
            self.advance(len(records))
        await self._raise_fences()
        try:
            schedules = await transfer_schedules(*self.stores)
        finally:
            source = await self.source.identity()
            shut = set(await self.target.shut_queues(source))
            reopened = await self.target.reopen(sorted(shut - kept), source)
        waiting = tuple(sorted(shut.intersection(await self.target.shut_queues())))
        return HandedOver(
            dropped, stored, tuple(changed), tuple(refused), reopened, waiting, schedules
        )

    async def _place(self, records: Sequence[Record]) -> Placed:
        return await place(self.stores[1], records, self._shut_there, self.unfit)

    async def _raise_fences(self) -> None:
        """Keep the target from using a fence again that the source has used."""
        await self.target.raise_fence_floor(await self.source.fence_floor())

    async def pages(self) -> AsyncIterator[Sequence[Record]]:
        """Page through the source; a live job's queue is paused before the job is yielded."""
        cursor, limit = None, _PAGE_FIRST
        while True:
            page = await self.source.dump(limit, cursor)
            jobs = [record.job for record in page.records]
            live = [job for job in jobs if job.unreadable is None and not job.state.final]
            fresh = {job.queue for job in live}
            if not fresh <= self.queues:
                await self._shut(fresh)
                continue  # a worker may have claimed some of them meanwhile
            if page.records:
                yield page.records
            if page.cursor is None:
                return
            cursor, limit = page.cursor, _next_limit(page.records)


async def survey(store: Store) -> Survey:
    """Count a store's jobs and its workers that live."""
    counts = Counts()
    for row in await store.inspector.queues():
        counts.update({(row.queue, state): count for state, count in row.counts.items() if count})
    alive = [
        worker
        for worker in await store.fleet.workers()
        if not worker.lost and worker.silent_for <= worker.info.lease and not vanished(worker.info)
    ]
    return Survey(counts, tuple(alive), len(await names(store)))


def _live(row: QueueCount) -> bool:
    return any(count for state, count in row.counts.items() if not state.final)


def _keys(records: Sequence[Record]) -> list[tuple[str, State]]:
    return [(record.job.queue, record.job.state) for record in records]


def _next_limit(records: Sequence[Record]) -> int:
    """Choose a page's length so that pages of large arguments still fit in memory."""
    sizes = [len(record.job.args) + len(record.job.result or b"") for record in records]
    each = 1 + sum(sizes) // len(records)
    return max(1, min(PAGE_MAX, 2 * len(records), _PAGE_BYTES // each))
