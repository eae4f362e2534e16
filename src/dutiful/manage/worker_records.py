"""What the management interface returns of what a worker says about itself, and of orders to it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

import msgspec

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
