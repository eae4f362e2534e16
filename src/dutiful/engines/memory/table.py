"""The state of the memory engine and the few changes that keep it consistent."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any
from uuid import uuid4

from msgspec.structs import replace

from dutiful.contract.clock import Clock
from dutiful.contract.page import PREFIX_MIN
from dutiful.contract.roles.alert_store import AlertEntry, AlertKind
from dutiful.contract.roles.fleet import WorkerInfo
from dutiful.core.alerting.sample import Activity
from dutiful.core.apply import due
from dutiful.core.fence import first_floor, raised_floor
from dutiful.core.job import AttemptError, Job
from dutiful.core.occurrence import DeclarationVersion, Recorded, Standing
from dutiful.core.state import State, allowed
from dutiful.core.unique import holds
from dutiful.core.worker_report import Order


class Registered:
    """A worker's row."""

    def __init__(self, info: WorkerInfo, now: int, ticks: int) -> None:
        """Start its lease."""
        self.info = info
        self.joined_at = self.renewed_at = now
        self.renewed_ticks = ticks
        self.stalled_for = 0
        self.report: str | None = None
        self.ordered: Order | None = None
        self.lost = False


class StoredJob:
    """An occurrence's row."""

    def __init__(self, recorded: Recorded, *, open: bool) -> None:
        """Keep it open until its job has ended."""
        self.recorded = recorded
        self.open = open

    @property
    def name(self) -> str:
        """The schedule's name."""
        return self.recorded.schedule


class Tables:
    """Everything the engine holds, under one lock, since threads and loops share it."""

    def __init__(self, clock: Clock) -> None:
        """Start empty."""
        self.clock = clock
        self.lock = threading.RLock()
        self.jobs: dict[str, Job] = {}
        self.failures: dict[str, list[AttemptError]] = {}
        self.recorded: dict[str, dict[str, bytes]] = {}
        self.logs: dict[str, bytes] = {}
        """What the attempts of each job logged, as `core.task_log` writes it."""
        self.fleet: dict[str, Registered] = {}
        self.paused: dict[str, int] = {}
        self.identity = uuid4().hex
        self.shut: dict[str, set[str]] = {}
        """The paused queues that a copy has paused, with the stores for which it has."""
        self.shut_for: dict[str, str] = {}
        """For which store a copy has paused a schedule, by its name."""
        self.places: dict[str, int] = {}
        self.next_place = 0
        self.totals = {"enqueued": 0, "pruned": 0, "purged": 0}
        self.floor = first_floor(clock.now())
        """The highest fence of all deleted jobs."""
        self.data: dict[str, Any] = {}
        """The values that tasks wrote in their transactions."""
        self.standings: dict[str, Standing] = {}
        self.histories: dict[str, dict[int, StoredJob]] = {}
        """The recorded occurrences by schedule and planned instant."""
        self.declaration_versions: dict[str, dict[str, DeclarationVersion]] = {}
        self.activity: dict[tuple[int, int, str, str, str], Activity] = {}
        """By span, beginning, kind, queue and name."""
        self.alerts: dict[tuple[AlertKind, str], AlertEntry] = {}
        self._listeners: dict[tuple[asyncio.AbstractEventLoop, asyncio.Event], None] = {}
        """The listeners in the order of their arrival, so that a run can be repeated exactly."""

    def put(self, job: Job) -> None:
        """Store a job's new row after checking that the move is allowed."""
        before = self.jobs.get(job.id)
        source = None if before is None else before.state
        if source is not job.state and not allowed(source, job.state):
            raise AssertionError(f"no move from {source} to {job.state}")
        self.jobs[job.id] = job

    def change(self, job: Job, **fields: Any) -> Job:
        """Replace fields of a job and store it."""
        changed = replace(job, **fields)
        self.put(changed)
        return changed

    def placed(self) -> list[tuple[str, int]]:
        """Return ids with their positions; jobs without a position get the next ones here."""
        for job_id in self.jobs:
            if job_id not in self.places:
                self.places[job_id] = self.next_place
                self.next_place += 1
        return [(job_id, self.places[job_id]) for job_id in self.jobs]

    def delete(self, job: Job, total: str) -> None:
        """Delete a job with its errors and steps, and count it."""
        del self.jobs[job.id]
        self.floor = raised_floor(self.floor, job.fence)
        self.failures.pop(job.id, None)
        self.recorded.pop(job.id, None)
        self.logs.pop(job.id, None)
        self.places.pop(job.id, None)
        self.totals[total] += 1

    def remember(self, names: Sequence[str]) -> Callable[[], None]:
        """Return a function that restores the present state of all jobs and of these schedules."""
        jobs, totals, recorded = dict(self.jobs), dict(self.totals), dict(self.recorded)
        standings = dict(self.standings)
        histories = {name: dict(self.histories[name]) for name in names if name in self.histories}

        def undo() -> None:
            self.jobs, self.totals, self.recorded = jobs, totals, recorded
            self.standings = standings
            for name in names:
                self.histories[name] = histories.get(name, {})

        return undo

    def holder(self, key: str | None) -> Job | None:
        """Return the job that holds a unique key."""
        if key is None:
            return None
        for job in self.jobs.values():
            if job.unique_key == key and holds(job.unique_states, job.state):
                return job
        return None

    def one(self, job_id: str) -> Job | None:
        """Return a job by its id or by a prefix that only one job has."""
        if job_id in self.jobs or len(job_id) < PREFIX_MIN:
            return self.jobs.get(job_id)
        found = [job for job in self.jobs.values() if job.id.startswith(job_id)]
        return found[0] if len(found) == 1 else None

    def some(self, ids: Sequence[str]) -> Iterator[Job]:
        """Yield the jobs of these ids that exist."""
        for job_id in ids:
            if (job := self.jobs.get(job_id)) is not None:
                yield job

    def stage(self, now: int) -> None:
        """Make due jobs queued."""
        for job in list(self.jobs.values()):
            if due(job, now):
                self.change(job, state=State.QUEUED)

    def running(self, worker: str) -> list[Job]:
        """Return the jobs that a worker holds claims on."""
        return [
            job for job in self.jobs.values() if job.state is State.RUNNING and job.worker == worker
        ]

    def wake(self) -> None:
        """Wake every listener, on any loop."""
        for loop, event in list(self._listeners):
            try:
                loop.call_soon_threadsafe(event.set)
            except RuntimeError:  # that loop has been closed
                self._listeners.pop((loop, event), None)

    async def sleep(self, seconds: float, ready: Callable[[], bool]) -> None:
        """Wait until woken, for at most ``seconds``; not at all if ``ready`` after it listens."""
        listener = (asyncio.get_running_loop(), asyncio.Event())
        self._listeners[listener] = None
        try:
            with self.lock:
                if ready():
                    return
            async with asyncio.timeout(seconds):
                await listener[1].wait()
        except TimeoutError:
            pass
        finally:
            self._listeners.pop(listener, None)
