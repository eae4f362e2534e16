"""The condition of a worker: what its heartbeat reports to the store, and its health view.

Everything here may be read from any thread: of what the loop changes, only single values and
copies of containers are read, so that a loop that hangs holds up no report.
"""

from __future__ import annotations

from typing import Protocol

import msgspec

from dutiful.core.worker_report import RUNNING_MAX, ReportedJob, WorkerReport
from dutiful.services.process import rss_mb
from dutiful.services.trouble import OutageReport

from .attempt import Running
from .executor import Executor
from .health_view import HealthView, Vitals, health_view
from .heartbeat import Heartbeat
from .options import WorkerOptions


class Hang(msgspec.Struct, frozen=True):
    """Why and since when a worker hangs."""

    reason: str
    since: int
    """By the clock's ticks."""
    job_id: str = ""
    task: str = ""


class RegisteredWorker(Protocol):
    """A registration, as far as its condition and its watchdog go."""

    worker: str
    executor: Executor
    options: WorkerOptions
    joined: bool

    @property
    def heartbeat(self) -> Heartbeat:
        """What renews the lease."""
        ...

    @property
    def heartbeat_micros(self) -> int:
        """How often the lease is renewed."""
        ...

    def healthy(self) -> bool:
        """Whether the lease holds."""
        ...

    def since(self, at: float) -> int:
        """Return the microseconds since a time of the loop."""
        ...

    def held_back(self) -> object:
        """Return a mark that changes with each progress; None when no claimed job waits for any."""
        ...


class WorkerCondition:
    """One worker's, over all its registrations."""

    def __init__(self, trouble: OutageReport, app_version: str = "") -> None:
        """Start without a registration."""
        self._trouble = trouble
        self._app_version = app_version
        self.registration: RegisteredWorker | None = None
        self.hang: Hang | None = None
        self.quiet = False
        """Whether it is ordered to claim nothing; a later registration keeps to that."""
        self.drained = False
        """Whether an order ends it."""

    def state(self) -> str:
        """Return the word of its state, as reports have it; ``starting`` without a registration."""
        registration = self.registration
        if self.hang is not None:
            return "hung"
        if registration is None:
            return "starting"
        if registration.executor.draining:
            return "draining"
        return "quiet" if self.quiet else "serving"

    def report(self) -> WorkerReport:
        """Return what the heartbeat reports to the store."""
        registration, hang, ticks = self.registration, self.hang, self._trouble.ticks()
        state, memory = self.state(), round(rss_mb(), 1)
        if registration is None:
            return WorkerReport(state=state, rss_mb=memory, app_version=self._app_version)
        executor, heartbeat = registration.executor, registration.heartbeat
        running = list(executor.running.values())
        progressed, store_at = executor.progressed, heartbeat.answered_at
        oldest = sorted(running, key=lambda one: one.job.started_at or 0)[:RUNNING_MAX]
        return WorkerReport(
            state=state,
            reason="" if hang is None else hang.reason,
            hung_for=0 if hang is None else max(ticks - hang.since, 0),
            loop_lag=heartbeat.loop_lag(),
            slots=registration.options.concurrency,
            in_use=len(running),
            blocked=sum(blocked(one) for one in running),
            running=tuple(
                ReportedJob(id=one.job.id, task=one.job.task, started_at=one.job.started_at)
                for one in oldest
            ),
            progress_for=None if progressed is None else registration.since(progressed),
            store_for=None if store_at is None else max(ticks - store_at, 0),
            store_took=heartbeat.answer_took,
            outage_for=self._outage_for(),
            renewal_lag=heartbeat.renewal_lag,
            heartbeat=registration.heartbeat_micros,
            rss_mb=memory,
            app_version=self._app_version,
        )

    def health(self) -> HealthView:
        """Return the health view; needs neither the loop nor the store."""
        registration, hang = self.registration, self.hang
        return health_view(
            Vitals(
                state=self.state(),
                hang="" if hang is None else hang.reason,
                registered=registration is not None and registration.joined,
                lease_holds=registration is not None and registration.healthy(),
                stalled_for=0 if registration is None else registration.heartbeat.stalled_for(),
                outage_for=self._outage_for(),
            )
        )

    def _outage_for(self) -> int:
        since = self._trouble.since
        return 0 if since is None else max(self._trouble.ticks() - since, 1)


def blocked(running: Running) -> bool:
    """Whether a job is past its timeout, or waits for the result of another job."""
    return running.why == "timeout" or running.waits
