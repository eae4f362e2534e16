"""Counts what happens in this process by minute, task and queue, and adds it to the store."""

from __future__ import annotations

from threading import Lock

from msgspec.structs import replace

from dutiful.contract.clock import Clock
from dutiful.contract.facade import Store
from dutiful.core.admission import NAME_MAX
from dutiful.core.alerting.checks import SILENT
from dutiful.core.alerting.sample import Activity, ActivityKind
from dutiful.core.errors import EngineUnavailable
from dutiful.core.event import Event, OccurrenceLate, OccurrenceMissed, Settled, WorkerLost
from dutiful.core.instant import DAY, HOUR, MINUTE
from dutiful.core.retry import Random
from dutiful.core.settle import Settlement
from dutiful.core.state import State
from dutiful.core.successes import Successes, successes

from .service import about

KEEP_MINUTES, KEEP_HOURS = 2 * DAY, 30 * DAY
NAMES_MAX = 300
"""So many tasks in queues are counted by name in a turn; the rest is counted as ``other``."""
OTHER = "other"
_ERROR_CHARACTERS = 200
_PRUNE_EVERY = HOUR


class _Counts:
    """Counts of one task in one queue since the last turn."""

    __slots__ = (
        *("succeeded", "failed", "dead", "rescued", "expired", "unknown"),
        *("late", "missed", "lost", "runs", "run_sum", "run_max", "errors"),
    )

    def __init__(self) -> None:
        self.succeeded = self.failed = self.dead = self.rescued = 0
        self.expired = self.unknown = self.late = self.missed = self.lost = 0
        self.runs = self.run_sum = self.run_max = 0
        self.errors: dict[str, int] = {}

    def succeed(self, alike: Successes) -> None:
        """Count jobs that succeeded together."""
        self.succeeded += alike.count
        self.runs += alike.runs
        self.run_sum += alike.run_sum
        self.run_max = max(self.run_max, alike.run_max)

    def settled(self, item: Settlement) -> None:
        """Count how one attempt ended."""
        if item.state is State.SUCCEEDED:
            self.succeeded += 1
            self._ran(item)
            return
        if item.parked_at is not None or item.reason == "unknown-task":
            self.unknown += 1
        elif item.rescue:
            self.rescued += 1
        elif item.error is not None:
            self.failed += 1
            self._ran(item)
        if item.state is State.DEAD:
            self.dead += 1
            self.expired += item.reason == "expired"
        if item.error is not None:
            self.erred(f"{item.error.type}: {item.error.message}")

    def erred(self, text: str) -> None:
        """Count an error by its text."""
        text = text[:_ERROR_CHARACTERS]
        if text in self.errors or len(self.errors) < 20:
            self.errors[text] = self.errors.get(text, 0) + 1

    def _ran(self, item: Settlement) -> None:
        started = item.claim.job.started_at
        if started is not None and (ran := item.at - started) > 0:
            self.runs += 1
            self.run_sum += ran
            if ran > self.run_max:
                self.run_max = ran

    def row(self, at: int, kind: ActivityKind, queue: str, name: str) -> Activity:
        return Activity(
            at=at,
            kind=kind,
            queue=queue,
            name=name,
            succeeded=self.succeeded,
            failed=self.failed,
            dead=self.dead,
            rescued=self.rescued,
            expired=self.expired,
            unknown=self.unknown,
            late=self.late,
            missed=self.missed,
            lost=self.lost,
            runs=self.runs,
            run_sum=self.run_sum,
            run_max=self.run_max,
            error=max(self.errors, key=self.errors.__getitem__, default=""),
        )


_Key = tuple[ActivityKind, str, str]
HEARD = frozenset({Settled, OccurrenceLate, OccurrenceMissed, WorkerLost})
"""The events that are counted."""


class ActivityRecorder:
    """Listens to a bus, and writes what it has counted about every five seconds in one write.

    A turn that could not reach the store is added to the next one; a turn whose reply was lost is
    not sent again, so that nothing counts twice.
    """

    name = "activity"
    seconds = 5.0

    def __init__(self, store: Store, clock: Clock) -> None:
        """Count nothing yet."""
        self._store = store
        self._clock = clock
        self._lock = Lock()
        self._counts: dict[_Key, _Counts] = {}
        self._kept: dict[tuple[int, int, str, str, str], Activity] = {}
        self._prune_at = 0

    def rest(self, rng: Random) -> float:
        """Wait about as long as ``seconds`` says."""
        return about(self.seconds, rng)

    def heard(self, event: Event) -> None:
        """Count an event; quick, and called in any thread."""
        if type(event) is Settled:
            with self._lock:
                if (alike := successes(event)) is not None:
                    self._new("task", alike.queue, alike.task).succeed(alike)
                    return
                task = queue = counts = None
                for item in event.settlements:
                    job = item.claim.job
                    # Jobs that end together are mostly of one task.
                    if counts is None or job.task != task or job.queue != queue:
                        task, queue = job.task, job.queue
                        counts = self._new("task", queue, task)
                    counts.settled(item)
        elif type(event) in HEARD:
            self._other(event)

    def _other(self, event: Event) -> None:
        with self._lock:
            match event:
                case OccurrenceLate(schedule=name, what=what):
                    counts = self._new("schedule", "", name)
                    counts.late += 1
                    counts.erred(what)
                case OccurrenceMissed(schedule=name, count=count, why=why):
                    counts = self._new("schedule", "", name)
                    counts.missed += count
                    counts.erred(why)
                case WorkerLost(worker=worker, why=why):
                    counts = self._new("worker", "", SILENT if why.startswith(SILENT) else "")
                    counts.lost += 1
                    counts.erred(f"{worker}: {why}")
                case _:
                    pass

    def _new(self, kind: ActivityKind, queue: str, name: str) -> _Counts:
        if max(len(queue), len(name)) > NAME_MAX:  # only another program writes so long ones
            queue, name = queue[:NAME_MAX], name[:NAME_MAX]
        if len(self._counts) >= NAMES_MAX and (kind, queue, name) not in self._counts:
            queue, name = OTHER, OTHER
        return self._counts.setdefault((kind, queue, name), _Counts())

    async def run_once(self) -> int:
        """Add what was counted to the store, delete old rows, and return how many rows it was."""
        now = self._clock.now()
        with self._lock:
            counts, self._counts = self._counts, {}
        for (kind, queue, name), one in counts.items():
            row = one.row(now // MINUTE * MINUTE, kind, queue, name)
            hour = replace(row, span=HOUR, at=now // HOUR * HOUR)
            for each in (row, hour):
                key = (each.span, each.at, kind, queue, name)
                kept = self._kept.get(key)
                self._kept[key] = each if kept is None else kept.plus(each)
        rows, self._kept = self._kept, {}
        if rows:
            try:
                await self._store.activity.add(list(rows.values()))
            except EngineUnavailable:
                if len(rows) <= 10 * NAMES_MAX:
                    self._kept = rows
                raise
            await self._prune(now)
        return len(rows)

    async def _prune(self, now: int) -> None:
        if self._prune_at - _PRUNE_EVERY <= now < self._prune_at:
            return
        self._prune_at = now + _PRUNE_EVERY
        await self._store.activity.forget(MINUTE, now - KEEP_MINUTES)
        await self._store.activity.forget(HOUR, now - KEEP_HOURS)
