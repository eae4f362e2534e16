"""Takes one view of a store after the other, for a screen that people watch; asks it gently."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from time import monotonic_ns, time_ns

from dutiful.contract.capability import Capability
from dutiful.contract.facade import Store
from dutiful.contract.page import QueueCount
from dutiful.contract.roles.alert_store import AlertKind
from dutiful.core.alerting.sample import Activity, RunningJob
from dutiful.core.instant import MINUTE, SECOND
from dutiful.core.state import State
from dutiful.services.allowance import Allowance
from dutiful.services.sampling import COUNT_SHARE, COUNT_STALE_MAX

from .alert_records import AlertRecord, alert_records
from .app_protocol import ManagedApp, existing
from .failures import Failures
from .frame_records import Frame, QueueFrame, ScheduleFrame, SlotFrame, WorkerFrame
from .rates import Rates, outlook
from .reading import when
from .schedule_views import ScheduleViews
from .worker_records import WorkerRecord, worker_record

_ENDED = 3 * MINUTE
_RUNNING_MAX, _SLOTS_MAX = 200, 64
_SCHEDULES_MAX = 1000
_SCHEDULES_EVERY = 15 * SECOND
_ALERTS_MAX = 500

_SHOWN = (
    Capability.INSPECT,
    Capability.FLEET,
    Capability.ORDERS,
    Capability.PAUSE,
    Capability.ACTIVITY,
    Capability.ALERTS,
    Capability.SCHEDULES,
)
"""What a whole frame needs."""


def _ticks() -> int:
    return monotonic_ns() // 1000


class Frames:
    """Takes frames of an app's store.

    Workers, alerts and running jobs are read each time, which are few. What takes longer the more
    jobs there are, counting them and looking for failures, is left out of a frame when it would
    take more than a fiftieth of the time; the frame then has what was found before.
    """

    def __init__(self, app: ManagedApp, ticks: Callable[[], int] = _ticks) -> None:
        """Ask nothing yet; ``ticks`` are microseconds that never go back."""
        self._app = app
        self._ticks = ticks
        self._counting = Allowance(ticks, COUNT_SHARE, COUNT_STALE_MAX)
        self._planning = Allowance(ticks, COUNT_SHARE, COUNT_STALE_MAX, 2 * SECOND)
        self._planned_at: int | None = None
        self._counts: tuple[QueueCount, ...] = ()
        self._counted_at: int | None = None
        self._schedules: tuple[ScheduleFrame, ...] = ()
        self._rates = Rates()
        self._failures = Failures(app, ticks)

    def reset(self) -> None:
        """Count, and look for failures, with the next frame: something was changed by hand."""
        self._counting.reset()
        self._failures.reset()

    async def atake(self) -> Frame:
        """Ask the store; EngineError where it cannot be reached."""
        store = await existing(self._app)
        now, alerts = await self._alerts(store)
        workers = await _workers(store)
        activity: tuple[Activity, ...] = ()
        if store.can(Capability.ACTIVITY):
            activity = await store.activity.read(MINUTE, now // MINUTE * MINUTE - _ENDED)
            self._rates.add_ended(now, activity)
        await self._count(store, now)
        running = await _running(store, self._counts, workers)
        return Frame(
            at=when(now),
            counted_at=when(self._counted_at),
            queues=self._queues(workers, now),
            workers=_with_jobs(workers, running),
            failures=await self._failures.look(store, now, self._counts, activity),
            schedules=await self._planned(store, now),
            alerts=alerts,
            missing=frozenset(one for one in _SHOWN if not store.can(one)),
        )

    async def _alerts(self, store: Store) -> tuple[int, tuple[AlertRecord, ...]]:
        """Return the store's time and what fires."""
        if not store.can(Capability.ALERTS):
            return time_ns() // 1000, ()
        found = await store.alerts.entries((AlertKind.INCIDENT,), _ALERTS_MAX)
        records = alert_records(found.entries, ())
        return found.now, tuple(one for one in records if one.state == "firing")

    async def _count(self, store: Store, now: int) -> None:
        if not store.can(Capability.INSPECT) or not self._counting.allows():
            return
        began = self._ticks()
        self._counts = await store.inspector.queues()
        self._counting.took(began)
        self._counted_at = now
        self._rates.add_counted(now, {one.queue: one.ready for one in self._counts})

    def _queues(self, workers: Sequence[WorkerRecord], now: int) -> tuple[QueueFrame, ...]:
        known = self._app.store.can(Capability.FLEET)
        served = {
            name
            for one in workers
            if one.state == "serving" and one.ordered is None
            for name in one.queues
        }
        counts = {one.queue: one for one in self._counts}
        if self._counted_at is not None:
            for name in served - counts.keys():
                counts[name] = QueueCount(name, {})
        return tuple(
            self._queue(one, one.queue in served if known else None, now)
            for _, one in sorted(counts.items())
        )

    def _queue(self, one: QueueCount, served: bool | None, now: int) -> QueueFrame:
        counts, paused = one.counts, one.paused_at is not None
        rate, growth = self._rates.rate(one.queue), self._rates.growth(one.queue)
        running = counts.get(State.RUNNING, 0)
        age = 0 if one.oldest_queued_at is None else now - one.oldest_queued_at
        trend, empty_in = outlook(
            one.ready, running, age, paused=paused, served=served, rate=rate, growth=growth
        )
        later = counts.get(State.SCHEDULED, 0) + counts.get(State.WAITING, 0) - one.due
        return QueueFrame(
            name=one.queue,
            waiting=one.ready,
            running=running,
            later=max(later, 0),
            dead=counts.get(State.DEAD, 0),
            oldest_at=when(one.oldest_queued_at) if one.ready else None,
            paused=paused,
            served=served,
            rate=rate,
            growth=growth,
            trend=trend,
            empty_in=empty_in,
        )

    async def _planned(self, store: Store, now: int) -> tuple[ScheduleFrame, ...]:
        if not store.can(Capability.SCHEDULES):
            return ()
        passed = any(one.next is not None and one.next <= when(now) for one in self._schedules)
        began, last = self._ticks(), self._planned_at
        old = last is None or passed or began - last > _SCHEDULES_EVERY
        if old and self._planning.allows():
            self._planned_at = began
            page = await ScheduleViews(self._app).alist(limit=_SCHEDULES_MAX)
            self._planning.took(began)
            found = [
                ScheduleFrame(name=one.name, task=one.task, next=one.next, broken=one.broken)
                for one in page
                if one.status == "broken" or (one.status == "active" and one.next is not None)
            ]
            self._schedules = tuple(
                sorted(found, key=lambda one: (one.broken is None, one.next or when(0), one.name))
            )
        return self._schedules


async def _workers(store: Store) -> tuple[WorkerRecord, ...]:
    if not store.can(Capability.FLEET):
        return ()
    return tuple(worker_record(row) for row in await store.fleet.workers())


async def _running(
    store: Store, counts: Iterable[QueueCount], workers: Iterable[WorkerRecord]
) -> tuple[RunningJob, ...]:
    """List what runs, where anything does."""
    busy = any(one.running for one in workers) or any(
        one.counts.get(State.RUNNING) for one in counts
    )
    if not busy or not store.can(Capability.ALERTS):
        return ()
    return await store.alerts.longest(_RUNNING_MAX)


def _with_jobs(
    workers: Sequence[WorkerRecord], running: Sequence[RunningJob]
) -> tuple[WorkerFrame, ...]:
    """Give each worker its jobs: those of the store, or those that it last reported."""
    found: dict[str, list[SlotFrame]] = {}
    for job in running:
        slot = SlotFrame(
            job_id=job.id, task=job.task, queue=job.queue, started_at=when(job.started_at)
        )
        found.setdefault(job.worker, []).append(slot)
    frames: list[WorkerFrame] = []
    for one in workers:
        jobs = found.get(one.id, [])
        if not jobs and one.running and one.report is not None:
            jobs = [
                SlotFrame(job_id=job.id, task=job.task, started_at=job.started_at)
                for job in one.report.running
            ]
        # It may have claimed more than it has slots; these jobs start soon.
        frames.append(WorkerFrame(record=one, jobs=tuple(jobs[: min(one.slots, _SLOTS_MAX)])))
    order = {"lost": 0, "overdue": 0, "hung": 0}
    frames.sort(key=lambda one: (order.get(one.record.state, 1), one.record.id))
    return tuple(frames)
