"""The metrics that come from the store: read beside the scrape, which waits only briefly."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Mapping
from time import monotonic

from dutiful.contract.capability import Capability
from dutiful.contract.coverage import unserved
from dutiful.contract.facade import Store
from dutiful.contract.page import QueueCount
from dutiful.contract.roles.fleet import WorkerStatus
from dutiful.core.instant import SECOND
from dutiful.core.state import State

from .labels import LabelValues
from .series import Labels, Point, Points

INTERVAL = 10.0
"""Seconds between two readings, at least."""
SHARE = 20
"""A reading that takes long is not repeated before so many times its duration."""
WAIT = 0.5
"""Seconds for which a scrape waits for a reading that it has caused."""

_STATES = (State.SCHEDULED, State.QUEUED, State.RUNNING, State.WAITING, State.DEAD)


class StoreReader:
    """The latest reading of the store, and when to make the next. For any thread."""

    def __init__(self, read: Callable[[], Points]) -> None:
        """Read nothing yet; ``read`` may block or raise, in a thread of its own."""
        self._read = read
        self._points: Points = {}
        self._read_at = 0.0
        self._due = 0.0
        self._began: float | None = None
        """When the reading under way began."""
        self._changing = threading.Condition()
        self.failed = 0

    def latest(self) -> tuple[Points, float]:
        """Return the latest values and when they were read, 0 for never; begin a reading if due."""
        now = monotonic()
        with self._changing:
            if self._began is not None:
                # A reading that hangs is not waited for, and no second one is begun beside it.
                self.failed += now - self._began > INTERVAL
            elif now >= self._due:
                self._begin(now)
                self._changing.wait_for(lambda: self._began is None, WAIT)
            return self._points, self._read_at

    def _begin(self, now: float) -> None:
        self._began = now
        self._due = now + INTERVAL
        try:
            threading.Thread(target=self._run, name="dutiful-metrics", daemon=True).start()
        except RuntimeError:
            self._began = None
            self.failed += 1

    def _run(self) -> None:
        began = monotonic()
        try:
            points = self._read()
        except BaseException:  # noqa: BLE001 - the counter and the age report it
            points = None
        ended = monotonic()
        with self._changing:
            self._due = max(self._due, ended + SHARE * (ended - began))
            self._began = None
            if points is None:
                self.failed += 1
            else:
                self._points, self._read_at = points, ended
            self._changing.notify_all()


async def read_store(
    store: Store, queues: LabelValues, now: int, keep: Mapping[State, int | None]
) -> Points:
    """Read what the store can say; what its engine lacks is left out.

    ``keep`` says how long finished jobs of each state are kept.
    """
    found: Points = {}
    waiting: dict[str, int] | None = None
    counts = await store.inspector.queues() if store.can(Capability.INSPECT) else ()
    if store.can(Capability.FLEET):
        workers = await store.fleet.workers()
        found["dutiful_workers"] = _of_workers(workers)
        waiting = unserved(workers, counts)
    if store.can(Capability.INSPECT):
        tally = await store.inspector.tally()
        enqueued = float(tally.get("enqueued", 0))
        found["dutiful_store_jobs_enqueued_total"] = [Point((), enqueued)]
        found |= _of_queues(counts, waiting, queues, now)
    if store.can(Capability.ALERTS):
        found["dutiful_retention_behind_seconds"] = await _retention(store, now, keep)
    return found


async def _retention(store: Store, now: int, keep: Mapping[State, int | None]) -> list[Point]:
    points: list[Point] = []
    for state, span in keep.items():
        oldest = None if span is None else await store.alerts.oldest_end(state)
        behind = 0 if span is None or oldest is None else max(now - oldest - span, 0)
        points.append(Point((state.word,), behind / SECOND))
    return points


def _of_workers(workers: tuple[WorkerStatus, ...]) -> list[Point]:
    states = {
        "alive": sum(one.alive and not one.stalled_for for one in workers),
        "hung": sum(one.alive and one.stalled_for > 0 for one in workers),
        "silent": sum(one.overdue for one in workers),
        "lost": sum(one.lost for one in workers),
    }
    return [Point((state,), count) for state, count in states.items()]


def _of_queues(
    counts: tuple[QueueCount, ...],
    waiting: dict[str, int] | None,
    queues: LabelValues,
    now: int,
) -> Points:
    """Word the counts; queues beyond the limit are one, with the sum or the worst of them."""
    jobs: Counter[Labels] = Counter()
    unserved_jobs: Counter[Labels] = Counter()
    oldest: dict[Labels, float] = {}
    paused: dict[Labels, float] = {}
    for one in counts:
        name = queues.of(one.queue)
        labels = (name,)
        jobs.update({(name, state.word): one.counts.get(state, 0) for state in _STATES})
        at = one.oldest_queued_at
        age = 0.0 if at is None else max(now - at, 0) / SECOND
        oldest[labels] = max(age, oldest.get(labels, 0.0))
        paused[labels] = max(float(one.paused_at is not None), paused.get(labels, 0.0))
        if waiting is not None:
            unserved_jobs[labels] += waiting.get(one.queue, 0)
    return {
        "dutiful_queue_jobs": _listed(jobs),
        "dutiful_queue_oldest_seconds": _listed(oldest),
        "dutiful_queue_paused": _listed(paused),
        "dutiful_queue_unserved_jobs": _listed(unserved_jobs),
    }


def _listed(values: Mapping[Labels, float]) -> list[Point]:
    return [Point(labels, value) for labels, value in values.items()]
