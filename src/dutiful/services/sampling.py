"""Takes the sample that alert rules look at; what an engine cannot do is left out of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from dutiful.contract.capability import Capability
from dutiful.contract.facade import Store
from dutiful.contract.page import QueueCount
from dutiful.contract.roles.fleet import WorkerStatus
from dutiful.core.alerting.sample import (
    Activity,
    QueueSample,
    RetentionSample,
    RunningJob,
    Sample,
    ScheduleSample,
    StoreWarning,
    Usual,
    WorkerSample,
)
from dutiful.core.instant import DAY, HOUR, MINUTE, SECOND
from dutiful.core.occurrence import Standing
from dutiful.core.state import State

from .allowance import Allowance

_ACTIVITY = 16 * MINUTE
_USUAL_OF, _USUAL_EVERY = 7 * DAY, 5 * MINUTE
_SLOWLY = 30 * SECOND
"""How often it is asked what changes slowly."""
COUNT_SHARE = 50
"""Counting all jobs may take one part in so many of this process's time."""
COUNT_STALE_MAX = 2 * MINUTE
"""Nevertheless they are counted again after this."""
_RUNNING_MAX, _SCHEDULES_MAX, _WORKERS_MAX = 200, 1000, 2000


class Sampler:
    """Takes one sample after the other, and keeps what need not be asked each time."""

    def __init__(
        self,
        store: Store,
        ticks: Callable[[], int],
        keep: Mapping[State, int | None],
    ) -> None:
        """Ask nothing yet; ``keep`` is how long finished jobs are kept, None: indefinitely."""
        self._store = store
        self._ticks = ticks
        self._keep = keep
        self._queues: tuple[QueueCount, ...] = ()
        self._counting = Allowance(ticks, COUNT_SHARE, COUNT_STALE_MAX)
        self._slow_at = 0
        self._usual_at = 0
        self._usual: dict[str, Usual] = {}
        self._retention: tuple[RetentionSample, ...] = ()
        self._due: tuple[ScheduleSample, ...] = ()
        self._warnings: tuple[StoreWarning, ...] = ()

    async def take(self, now: int) -> Sample:
        """Ask the store; ``now`` is its time."""
        store = self._store
        workers: tuple[WorkerStatus, ...] = ()
        if store.can(Capability.FLEET):
            workers = await store.fleet.workers()
        await self._count()
        activity: tuple[Activity, ...] = ()
        if store.can(Capability.ACTIVITY):
            activity = await store.activity.read(MINUTE, now - _ACTIVITY)
        await self._look_slowly(now)
        return Sample(
            at=now,
            queues=_queues(self._queues, workers),
            workers=tuple(_worker(one) for one in workers[:_WORKERS_MAX]),
            schedules=self._due,
            activity=activity,
            running=await self._running(),
            usual=self._usual,
            warnings=self._warnings,
            retention=self._retention,
        )

    async def _running(self) -> tuple[RunningJob, ...]:
        """List what runs, where the counts say that anything does."""
        counted = self._store.can(Capability.INSPECT)
        if counted and not any(one.counts.get(State.RUNNING) for one in self._queues):
            return ()
        return await self._store.alerts.longest(_RUNNING_MAX)

    async def _count(self) -> None:
        """Count the jobs, less often where that takes long."""
        if not self._store.can(Capability.INSPECT) or not self._counting.allows():
            return
        began = self._ticks()
        self._queues = await self._store.inspector.queues()
        self._counting.took(began)

    async def _schedules(self) -> tuple[ScheduleSample, ...]:
        if not self._store.can(Capability.SCHEDULES):
            return ()
        batch = await self._store.schedules.due(_SCHEDULES_MAX)
        found = (_schedule(one.standing, batch.now) for one in batch.due)
        return tuple(one for one in found if one is not None)

    async def _look_slowly(self, now: int) -> None:
        """Ask for warnings and retention now and then, and for run times more rarely."""
        store, ticks = self._store, self._ticks()
        if ticks >= self._usual_at and store.can(Capability.ACTIVITY):
            self._usual_at = ticks + _USUAL_EVERY
            rows = await store.activity.totals(HOUR, now - _USUAL_OF)
            self._usual = {
                row.name: Usual(row.runs, row.run_sum // row.runs, row.run_max)
                for row in rows
                if row.runs > 0
            }
        if ticks < self._slow_at:
            return
        self._slow_at = ticks + _SLOWLY
        health = store.engine.health
        if health is not None:
            found = await health.warnings()
            self._warnings = tuple(StoreWarning(one.about, one.text, one.full) for one in found)
        self._retention = await self._behind(now)
        self._due = await self._schedules()

    async def _behind(self, now: int) -> tuple[RetentionSample, ...]:
        found: list[RetentionSample] = []
        for state, keep in self._keep.items():
            oldest = None if keep is None else await self._store.alerts.oldest_end(state)
            if keep is not None and oldest is not None and now - oldest > keep:
                found.append(RetentionSample(state.word, now - oldest - keep))
        return tuple(found)


def _queues(
    counts: Iterable[QueueCount], workers: Iterable[WorkerStatus]
) -> tuple[QueueSample, ...]:
    served = {queue for worker in workers if worker.alive for queue in worker.info.queues}
    return tuple(
        QueueSample(
            name=one.queue,
            queued=one.ready,
            due=one.due,
            running=one.counts.get(State.RUNNING, 0),
            scheduled=max(
                one.counts.get(State.SCHEDULED, 0) + one.counts.get(State.WAITING, 0) - one.due, 0
            ),
            dead=one.counts.get(State.DEAD, 0),
            oldest_at=one.oldest_queued_at,
            paused=one.paused_at is not None,
            served=one.queue in served,
        )
        for one in counts
    )


def _worker(one: WorkerStatus) -> WorkerSample:
    return WorkerSample(
        id=one.info.id,
        host=one.info.host,
        queues=one.info.queues,
        alive=one.alive,
        lost=one.lost,
        silent_for=max(one.silent_for, 0),
        hung_for=max(one.stalled_for, 0),
        running=one.running,
    )


def _schedule(one: Standing, now: int) -> ScheduleSample | None:
    if one.next is None or one.next >= now or one.unreadable is not None:
        return None
    return ScheduleSample(name=one.name, overdue_for=now - one.next, broken=one.broken)
