"""One view of a store at one instant, as `Frames` takes it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

import msgspec

from dutiful.contract.capability import Capability

from .alert_records import AlertRecord
from .records import JobState
from .worker_records import WorkerRecord

Trend = Literal[
    "empty", "paused", "unserved", "unknown", "stuck", "growing", "draining", "steady", "at-least"
]
"""Where a queue's depth goes. ``at-least``: nothing is known yet of what arrives, so ``empty_in``
is the time that the waiting jobs take if none is added."""


class QueueFrame(msgspec.Struct, frozen=True, kw_only=True):
    """A queue; all counts are of jobs."""

    name: str
    waiting: int = 0
    """Those that a worker could start now."""
    running: int = 0
    later: int = 0
    """Scheduled ones, and those that wait for a retry."""
    dead: int = 0
    oldest_at: datetime | None = None
    """Since when the first of the waiting ones could run."""
    paused: bool = False
    served: bool | None = None
    """Whether a worker takes jobs of it; None where the engine does not know its workers."""
    rate: float | None = None
    """Jobs that ended, a second; None where the engine keeps no counts."""
    growth: float | None = None
    """By how many waiting jobs a second the queue grew; None until two counts are far enough
    apart."""
    trend: Trend = "unknown"
    empty_in: timedelta | None = None
    """After which time no job waits, if all goes on as it does."""


class SlotFrame(msgspec.Struct, frozen=True, kw_only=True):
    """A job that runs."""

    job_id: str
    task: str
    started_at: datetime | None
    queue: str | None = None


class WorkerFrame(msgspec.Struct, frozen=True, kw_only=True):
    """A worker with what its slots run, the longest running first; at most 64 jobs."""

    record: WorkerRecord
    jobs: tuple[SlotFrame, ...] = ()


class FailureFrame(msgspec.Struct, frozen=True, kw_only=True):
    """A job whose last attempt failed within the last hour, or a task that fails."""

    job_id: str | None
    """None where only counts are known: ``count`` attempts of the task in the last minutes."""
    task: str
    queue: str
    count: int = 1
    state: JobState | None = None
    """``dead``, or ``scheduled`` for its next attempt."""
    attempt: int = 0
    max_attempts: int = 0
    at: datetime
    """When it failed; of counts, when the minute began."""
    error_type: str
    message: str
    """Of the error, or the reason where there is no error."""


class ScheduleFrame(msgspec.Struct, frozen=True, kw_only=True):
    """A schedule that is to fire, or should but cannot."""

    name: str
    task: str | None
    next: datetime | None
    broken: str | None = None


class Frame(msgspec.Struct, frozen=True, kw_only=True):
    """One view of a store; what the engine cannot do is empty, and ``missing`` names it."""

    at: datetime
    """By the store's clock where that can be read, else by this process's."""
    counted_at: datetime | None = None
    """When the jobs were counted: less often than each time where that takes long."""
    queues: tuple[QueueFrame, ...] = ()
    workers: tuple[WorkerFrame, ...] = ()
    failures: tuple[FailureFrame, ...] = ()
    """The latest first."""
    schedules: tuple[ScheduleFrame, ...] = ()
    """The next first, broken ones before them; paused and ended ones are left out."""
    alerts: tuple[AlertRecord, ...] = ()
    """Those that fire, critical ones first."""
    missing: frozenset[Capability] = frozenset()
