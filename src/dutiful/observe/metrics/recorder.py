"""Counts events and measurements, many jobs at a time."""

from __future__ import annotations

import logging
import os
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from operator import attrgetter
from typing import Any, Protocol, cast

from dutiful.contract.meter import (
    AttemptsRan,
    JobsClaimed,
    JobsStored,
    Measurement,
    OccurrencesMade,
    StoreCall,
)
from dutiful.core import event as e
from dutiful.core.settle import Settlement
from dutiful.core.state import State
from dutiful.core.successes import successes

from .labels import SCHEDULES_MAX, JobLabels, LabelValues, printable
from .series import Labels, Points, Series

_LOG = logging.getLogger("dutiful")
_MICRO = 1_000_000
_PARKED = ("unknown-task", "bad-payload")
_OUTCOMES = {
    State.SUCCEEDED: "succeeded",
    State.DEAD: "dead",
    State.CANCELLED: "cancelled",
    State.WAITING: "snoozed",
    State.SCHEDULED: "retried",
    State.QUEUED: "released",
}
_LATE = {
    "enqueued late": "enqueue",
    "not started in time": "start",
    "not finished in time": "finish",
}
# Read by C code, for a whole batch: a loop over its jobs would take several times as long.
_claim_key = attrgetter("job.queue", "job.task")
_claim_times = attrgetter("job.started_at", "job.run_at")
_settlement_key = attrgetter("claim.job.queue", "claim.job.task", "state", "reason", "rescue")

_EXPECTED = {
    "dutiful_jobs_enqueued_total": ((),),
    "dutiful_jobs_claimed_total": ((),),
    "dutiful_jobs_settled_total": (("succeeded",), ("retried",), ("dead",)),
    "dutiful_jobs_died_total": (
        ("attempts-spent",),
        ("discarded",),
        ("expired",),
        ("worker-lost",),
    ),
}
"""Counters that are shown as zero before the first job: the first step would not be seen."""
_OPERATIONS = ("enqueue", "exchange", "read", "renew")

Item = e.Event | Measurement
Observer = Callable[[str, Labels, Sequence[float]], None]


class _Options(Protocol):
    @property
    def queue(self) -> str: ...


class DeclaredTask(Protocol):
    """A task of the app's code, as far as metrics go."""

    @property
    def options(self) -> _Options:
        """How its jobs are enqueued."""
        ...


class Recorder:
    """Keeps the numbers of one app in this process. May be called from any thread.

    A thread that finds another one counting leaves its item to that one and goes on: a signal
    handler, or a copy of the process, can never wait for a lock that will not come free.
    """

    def __init__(self, tasks: Mapping[str, DeclaredTask]) -> None:
        """Start at zero; ``tasks`` are those that the app's code has, at any time."""
        self._tasks = tasks
        self._expected: set[str] = set()
        self._series = Series()
        self._jobs = JobLabels(tasks)
        self._schedules = LabelValues(SCHEDULES_MAX)
        self._pending: deque[Item] = deque()
        self._counting = threading.Lock()
        self._pid = os.getpid()
        self._failed = False
        self.observer: Observer | None = None
        """Is also given what histograms observe."""
        self._handlers: dict[type[Any], Callable[[Any], None]] = {
            StoreCall: self._called,
            JobsStored: self._stored,
            JobsClaimed: self._claimed,
            AttemptsRan: self._ran,
            OccurrencesMade: self._made,
            e.Settled: self._settled,
            e.OccurrenceLate: self._late,
            e.OccurrenceMissed: self._missed,
            e.ScheduleBroken: self._broken,
            e.SlotWaiting: self._slot,
            e.SlotStuck: self._slot,
            e.ServiceFailed: self._service,
            **dict.fromkeys(_PLAIN, self._plain),
        }

    @property
    def uncounted(self) -> frozenset[type[Any]]:
        """The events that are of no use here."""
        return frozenset(cast(Any, e.Event).__args__) - frozenset(self._handlers)

    def take(self, item: Item) -> None:
        """Count an event or a measurement; never raises and never waits."""
        if os.getpid() == self._pid:
            self._pending.append(item)
            self._count()

    def points(self) -> Points:
        """Copy all numbers; waits for a thread that is counting, for a second at most."""
        if not self._counting.acquire(timeout=1):
            return {}
        try:
            self._work()
            self._expect()
            return self._series.points()
        finally:
            self._counting.release()

    def _count(self) -> None:
        # What another thread adds after the last look and before the release is looked at again.
        while self._pending and self._counting.acquire(blocking=False):
            try:
                self._work()
            finally:
                self._counting.release()

    def _expect(self) -> None:
        """Show counters of tasks that have not run yet."""
        for operation in _OPERATIONS:
            self._series.add("dutiful_store_errors_total", (operation, "EngineUnavailable"))
        for name, task in list(self._tasks.items()):
            if name in self._expected:
                continue
            self._expected.add(name)
            labels = self._jobs.of(task.options.queue, name)
            for counter, kinds in _EXPECTED.items():
                for kind in kinds:
                    self._series.add(counter, (*labels, *kind))

    def _work(self) -> None:
        with suppress(IndexError):
            while True:
                self._handle(self._pending.popleft())

    def _handle(self, item: Item) -> None:
        try:
            self._handlers[type(item)](item)
        except Exception:  # noqa: BLE001 - metrics must not cost a job anything
            if not self._failed:
                self._failed = True
                with suppress(Exception):
                    _LOG.exception("metrics cannot count %s", type(item).__name__)

    def _observe(self, name: str, labels: Labels, values: Sequence[float]) -> None:
        self._series.observe(name, labels, values)
        if self.observer is not None:
            self.observer(name, labels, values)

    def _called(self, call: StoreCall) -> None:
        self._observe("dutiful_store_call_seconds", (call.operation,), (call.seconds,))
        if call.error is not None:
            self._series.add("dutiful_store_errors_total", (call.operation, call.error), 1)

    def _stored(self, batch: JobsStored) -> None:
        pairs = zip(batch.jobs, batch.receipts, strict=False)
        found = Counter((job.queue, job.task, receipt.created) for job, receipt in pairs)
        for (queue, task, created), count in found.items():
            name = "dutiful_jobs_enqueued_total" if created else "dutiful_jobs_existing_total"
            self._series.add(name, self._jobs.of(queue, task), count)

    def _claimed(self, batch: JobsClaimed) -> None:
        claims = batch.claims
        kinds = set(map(_claim_key, claims))
        for kind in kinds:
            ours = claims if len(kinds) == 1 else [one for one in claims if _claim_key(one) == kind]
            labels = self._jobs.of(*kind)
            self._series.add("dutiful_jobs_claimed_total", labels, len(ours))
            times = map(_claim_times, ours)
            try:
                waits = [(started - due) / _MICRO for started, due in times]
            except TypeError:  # an engine that does not know when it gave a job out
                waits = [((one.job.started_at or one.job.run_at) - one.job.run_at) for one in ours]
                waits = [wait / _MICRO for wait in waits]
            self._observe("dutiful_job_queue_wait_seconds", labels, waits)

    def _ran(self, batch: AttemptsRan) -> None:
        tasks, seconds = zip(*batch.runs, strict=True)
        kinds = set(tasks)
        for one in kinds:
            alone = len(kinds) == 1
            ours = seconds if alone else [each for task, each in batch.runs if task == one]
            self._observe("dutiful_job_run_seconds", (self._jobs.tasks.of(one),), ours)

    def _settled(self, event: e.Settled) -> None:
        if (alike := successes(event)) is not None:
            shown = (*self._jobs.of(alike.queue, alike.task), "succeeded")
            self._series.add("dutiful_jobs_settled_total", shown, alike.count)
            return
        items = event.settlements
        found = Counter(map(_settlement_key, items))
        for (queue, task, state, reason, rescue), count in found.items():
            labels = self._jobs.of(queue, task)
            outcome = _OUTCOMES[state]
            if state is State.SCHEDULED and reason in _PARKED:
                outcome = "parked"
                first = _first_parked(items, (queue, task, reason))
                self._series.add("dutiful_jobs_parked_total", (*labels, reason), first)
            elif state is State.QUEUED and rescue:
                outcome = "rescued"
            elif state is State.DEAD:
                died = (*labels, printable(reason or "unknown"))
                self._series.add("dutiful_jobs_died_total", died, count)
            self._series.add("dutiful_jobs_settled_total", (*labels, outcome), count)

    def _made(self, batch: OccurrencesMade) -> None:
        self._observe("dutiful_schedule_lateness_seconds", (), batch.lateness)

    def _late(self, event: e.OccurrenceLate) -> None:
        labels = self._schedules.of(event.schedule), _LATE.get(event.what, "other")
        self._series.add("dutiful_occurrences_late_total", labels, 1)

    def _missed(self, event: e.OccurrenceMissed) -> None:
        labels = (self._schedules.of(event.schedule),)
        self._series.add("dutiful_occurrences_missed_total", labels, event.count)

    def _broken(self, event: e.ScheduleBroken) -> None:
        labels = (self._schedules.of(event.schedule),)
        self._series.add("dutiful_schedules_broken_total", labels, 1)

    def _slot(self, event: e.SlotWaiting | e.SlotStuck) -> None:
        what = "waiting" if isinstance(event, e.SlotWaiting) else "stuck"
        self._series.add(f"dutiful_slots_{what}_total", (self._jobs.tasks.of(event.task),), 1)

    def _service(self, event: e.ServiceFailed) -> None:
        self._series.add("dutiful_services_failed_total", (printable(event.service),), 1)

    def _plain(self, event: e.Event) -> None:
        name, amount = _PLAIN[type(event)]
        self._series.add(name, (), amount(event))


def _first_parked(settlements: Iterable[Settlement], key: tuple[str, str, str]) -> int:
    """Count the jobs that were not parked before."""
    return sum(
        item.claim.job.parked_at is None
        for item in settlements
        if (item.claim.job.queue, item.claim.job.task, item.reason) == key
    )


def _one(event: Any) -> int:
    return 1


_PLAIN: dict[type[Any], tuple[str, Callable[[Any], int]]] = {
    e.ClaimsRefused: ("dutiful_settlements_refused_total", lambda event: len(event.job_ids)),
    e.WorkerLost: ("dutiful_workers_lost_total", _one),
    e.WorkerStalled: ("dutiful_loop_stalls_total", _one),
    e.LeaseLost: ("dutiful_leases_lost_total", _one),
    e.HookFailed: ("dutiful_hooks_failed_total", _one),
    e.Pruned: ("dutiful_jobs_pruned_total", lambda event: event.count),
    e.EngineTroubled: ("dutiful_store_outages_total", _one),
    e.StoreUnhealthy: ("dutiful_store_warnings_total", _one),
}
"""Counters without labels, and by how much an event raises each."""
