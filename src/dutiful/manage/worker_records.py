"""What the management interface returns of workers and of orders to them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

import msgspec

from dutiful.contract.roles.fleet import WorkerStatus
from dutiful.core.worker_report import WorkerReport

from .reading import length, when


class RunningJobRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A job in a slot of a worker."""

    id: str
    task: str
    started_at: datetime | None


class WorkerReportRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker said about itself when it last renewed its lease; spans are up to then."""

    reason: str
    """Why it hangs; empty otherwise."""
    hung_for: timedelta
    loop_lag: timedelta
    """How late its event loop answered when it was last asked."""
    slots_in_use: int
    slots_blocked: int
    """Slots whose job is past its timeout, or waits for the result of another job."""
    running: tuple[RunningJobRecord, ...]
    """The jobs in the slots, the longest running first, at most 64."""
    progress_for: timedelta | None
    """Since a job last started or was settled."""
    store_for: timedelta | None
    """Since the store last answered."""
    store_took: timedelta
    """How long that answer took."""
    renewal_lag: timedelta
    """How much later than planned the previous renewal was answered."""
    heartbeat: timedelta
    """How often it renews its lease, and looks for orders; an idle worker half as often."""
    rss_mb: float
    """Resident memory, in MiB."""
    app_version: str
    """The version of the app's code, as the app says it; empty if it does not."""


class Ordered(msgspec.Struct, frozen=True, kw_only=True):
    """What became of an order to workers."""

    order: Literal["quiet", "drain", "resume"]
    workers: tuple[str, ...]
    """The ids of the workers that it was given to."""
    within: timedelta
    """After this time at most, a worker that is alive carries it out: two heartbeats."""
    pending: tuple[str, ...]
    """Those that have not reported yet that they carried it out; all of them without ``wait``."""


def report_record(row: WorkerReport) -> WorkerReportRecord:
    """Read a report."""
    return WorkerReportRecord(
        reason=row.reason,
        hung_for=length(row.hung_for),
        loop_lag=length(row.loop_lag),
        slots_in_use=row.in_use,
        slots_blocked=row.blocked,
        running=tuple(
            RunningJobRecord(id=job.id, task=job.task, started_at=when(job.started_at))
            for job in row.running
        ),
        progress_for=None if row.progress_for is None else length(row.progress_for),
        store_for=None if row.store_for is None else length(row.store_for),
        store_took=length(row.store_took),
        renewal_lag=length(row.renewal_lag),
        heartbeat=length(row.heartbeat),
        rss_mb=row.rss_mb,
        app_version=row.app_version,
    )


class WorkerRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A worker as the store knows it."""

    id: str
    host: str
    pid: int
    version: str
    """The release of Dutiful that it runs."""
    queues: tuple[str, ...]
    slots: int
    running: int
    """How many claims it holds."""
    joined_at: datetime
    renewed_at: datetime
    silent_for: timedelta
    """Since its lease was last renewed, by the store's clock."""
    stalled_for: timedelta
    """How long its loop had not answered when it last renewed its lease: it hangs."""
    lease: timedelta
    alive: bool
    """Whether its lease holds."""
    overdue: bool
    """Whether its lease is over, though no other worker has declared it lost yet."""
    lost: bool
    """Whether another worker has declared it lost; its jobs are rescued."""
    state: str
    """``lost``, ``overdue``, or what it last reported: ``serving``, ``quiet`` (claims nothing),
    ``draining``, ``hung``. A worker that has not reported, as one of an older release, counts as
    ``serving``."""
    ordered: Literal["quiet", "drain"] | None
    """What it is ordered to do; it obeys at its next heartbeat."""
    report: WorkerReportRecord | None
    """What it said about itself with its last heartbeat."""
    unreadable: str | None
    """The names of columns that cannot be read."""


def worker_record(row: WorkerStatus) -> WorkerRecord:
    """Read a worker."""
    info = row.info
    return WorkerRecord(
        id=info.id,
        host=info.host,
        pid=info.pid,
        version=info.version,
        queues=info.queues,
        slots=info.concurrency,
        running=row.running,
        joined_at=when(row.joined_at),
        renewed_at=when(row.renewed_at),
        silent_for=length(row.silent_for),
        stalled_for=length(row.stalled_for),
        lease=length(info.lease),
        alive=row.alive,
        overdue=row.overdue,
        lost=row.lost,
        state=row.state,
        ordered=row.ordered,
        report=None if row.report is None else report_record(row.report),
        unreadable=row.unreadable,
    )
