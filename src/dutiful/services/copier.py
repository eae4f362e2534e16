"""Copies every job of one store to another, so that none can run in both."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from typing import NamedTuple

from dutiful.contract.clock import Clock
from dutiful.contract.facade import Store
from dutiful.contract.fleet import WorkerStatus
from dutiful.contract.moving import Filled, Record, Refusal
from dutiful.contract.page import QueueCount
from dutiful.core.errors import UsageError
from dutiful.core.retry import Random
from dutiful.core.settle import Rules
from dutiful.core.state import State

from .carrying import Carried, carry, names
from .process import vanished
from .rescuer import Rescuer

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
    reopened: tuple[str, ...]
    schedules: Carried = Carried()


class Copier:
    """One copy: `shut` the queues, `pour` the jobs, look at the counts, perhaps `hand_over`.

    Every part may be run again after an interruption: a job that has arrived is left alone, one
    that has left is not met again.
    """

    def __init__(
        self, source: Store, target: Store, advance: Callable[[int], None] = lambda jobs: None
    ) -> None:
        """Copy between open stores; ``advance`` is told of every batch of jobs."""
        self.source, self.target = source.mover, target.mover
        self.stores = source, target
        self.advance = advance
        self.queues: set[str] = set()
        """Those that are paused in both stores while their jobs are, or may be, in both."""
        self._earlier = set[str]()

    async def tell_apart(self) -> None:
        """Raise UsageError if both are one store: what was handed over would be deleted."""
        mark = f"copy-{secrets.token_hex(8)}"
        await self.source.shut([mark])
        try:
            same = mark in await self.target.shut_queues()
        finally:
            await self.source.reopen([mark])
        if same:
            raise UsageError("both URLs lead to one store; there is nothing to copy")

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
                await self.stores[1].controller.pause(row.queue)
        self._earlier |= ours
        await self._shut({row.queue for row in rows if _live(row)})

    async def _shut(self, queues: set[str]) -> None:
        self.queues |= queues
        for store in (self.source, self.target):
            await store.shut(sorted(queues))

    async def pour(self) -> Poured:
        """Store every job of the source that is not running in the target."""
        counts, there, stored, refused = Counts(), Counts(), 0, list[Refusal]()
        await self._raise_fences()
        async for records in self.pages():
            filled = await self.target.fill(_settled(records))
            counts.update(_keys(records))
            there.update(_keys(_taken(records, filled)))
            stored += len(filled.stored)
            refused += [*filled.refused, *_unreadable(records)]
            self.advance(len(records))
        return Poured(counts, there, stored, tuple(refused))

    async def hand_over(self) -> HandedOver:
        """Delete from the source what the target has, then let the target run it.

        The schedules go along last, before a queue is opened.
        """
        dropped, stored, changed, kept = 0, 0, list[str](), set[str]()
        async for records in self.pages():
            filled = await self.target.fill(_settled(records))
            there = [record.job for record in _taken(records, filled)]
            gone = set(await self.source.drop(there))
            left = [job for job in there if job.id not in gone]
            changed += [job.id for job in left]
            kept.update(job.queue for job in left if not job.state.final)
            dropped += len(gone)
            stored += len(filled.stored)
            self.advance(len(records))
        await self._raise_fences()
        schedules = await carry(*self.stores)
        reopened = await self.target.reopen(sorted((self.queues | self._earlier) - kept))
        return HandedOver(dropped, stored, tuple(changed), reopened, schedules)

    async def _raise_fences(self) -> None:
        """Keep the target from using a fence again that the source has used."""
        await self.target.raise_fence_floor(await self.source.fence_floor())

    async def pages(self) -> AsyncIterator[Sequence[Record]]:
        """Page through the source; whoever is handed a live job finds its queue shut."""
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


def _settled(records: Sequence[Record]) -> list[Record]:
    """Leave out running jobs, which belong to their workers, and unreadable ones."""
    return [
        record
        for record in records
        if record.job.state is not State.RUNNING and record.job.unreadable is None
    ]


def _unreadable(records: Sequence[Record]) -> list[Refusal]:
    return [
        Refusal(record.job.id, f"it cannot be read, in {record.job.unreadable}")
        for record in records
        if record.job.unreadable is not None
    ]


def _taken(records: Sequence[Record], filled: Filled) -> list[Record]:
    """Leave out what the target could not take, too."""
    refused = {refusal.id for refusal in filled.refused}
    return [record for record in _settled(records) if record.job.id not in refused]


def _keys(records: Sequence[Record]) -> list[tuple[str, State]]:
    return [(record.job.queue, record.job.state) for record in records]


def _next_limit(records: Sequence[Record]) -> int:
    """Choose a page's length so that pages of large arguments still fit in memory."""
    sizes = [len(record.job.args) + len(record.job.result or b"") for record in records]
    each = 1 + sum(sizes) // len(records)
    return max(1, min(PAGE_MAX, 2 * len(records), _PAGE_BYTES // each))
