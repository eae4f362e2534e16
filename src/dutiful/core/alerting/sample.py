"""What rules look at: one view of a store at one instant; instants and spans are microseconds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

import msgspec

from dutiful.core.instant import MINUTE

ActivityKind = Literal["task", "schedule", "worker"]


class Activity(msgspec.Struct, frozen=True, kw_only=True):
    """Counts of one span of time: of a task in a queue, of a schedule, or of workers."""

    at: int
    """Where the span begins."""
    span: int = MINUTE
    """Its length: a minute, or an hour."""
    kind: ActivityKind = "task"
    queue: str = ""
    name: str = ""
    """The name of the task or schedule; empty for workers."""
    succeeded: int = 0
    failed: int = 0
    """Attempts that failed, those after which the job died included."""
    dead: int = 0
    rescued: int = 0
    """Attempts that ended with their worker."""
    expired: int = 0
    """Jobs that died because no worker started them in time."""
    unknown: int = 0
    """How often a worker met a job whose task it does not know."""
    late: int = 0
    missed: int = 0
    lost: int = 0
    """Workers that were declared lost."""
    runs: int = 0
    """How many run times are in ``run_sum``."""
    run_sum: int = 0
    run_max: int = 0
    error: str = ""
    """The commonest error of the latest part that had one."""

    def plus(self, other: Activity) -> Activity:
        """Add the counts of another part of the same thing; keeps the earlier ``at``."""
        return msgspec.structs.replace(
            self,
            at=min(self.at, other.at),
            run_max=max(self.run_max, other.run_max),
            error=other.error or self.error,
            **{name: getattr(self, name) + getattr(other, name) for name in COUNTED},
        )


COUNTED = (
    *("succeeded", "failed", "dead", "rescued", "expired", "unknown"),
    *("late", "missed", "lost", "runs", "run_sum"),
)
"""The fields of `Activity` that are added up."""


class QueueSample(msgspec.Struct, frozen=True, kw_only=True):
    """A queue."""

    name: str
    queued: int = 0
    """Jobs that a worker could start now, had it a slot."""
    due: int = 0
    """Those of ``queued`` that are still stored as scheduled or waiting."""
    running: int = 0
    scheduled: int = 0
    """Jobs for later: scheduled and waiting ones that are not due."""
    dead: int = 0
    oldest_at: int | None = None
    """Since when the first of the queued jobs could run."""
    paused: bool = False
    served: bool = False
    """Whether a live worker serves it."""


class WorkerSample(msgspec.Struct, frozen=True, kw_only=True):
    """A worker's row."""

    id: str
    host: str = ""
    queues: tuple[str, ...] = ()
    alive: bool = True
    """Whether its lease holds."""
    lost: bool = False
    silent_for: int = 0
    hung_for: int = 0
    """For how long its loop had not answered at its last renewal."""
    running: int = 0


class ScheduleSample(msgspec.Struct, frozen=True, kw_only=True):
    """A schedule that has an occurrence due that is not made yet."""

    name: str
    overdue_for: int
    """For how long the occurrence has been due."""
    broken: str | None = None


class RunningJob(msgspec.Struct, frozen=True, kw_only=True):
    """A job that runs."""

    id: str
    task: str
    queue: str
    worker: str
    started_at: int


class Usual(msgspec.Struct, frozen=True):
    """How long the attempts of a task took in the last days."""

    runs: int
    mean: int
    longest: int


class StoreWarning(msgspec.Struct, frozen=True):
    """Something that makes the store slower or full; ``about`` identifies it."""

    about: str
    text: str
    full: bool = False
    """Whether the store is nearly full."""


class RetentionSample(msgspec.Struct, frozen=True):
    """How far the deletion of finished jobs of a state is behind."""

    state: str
    behind: int


class SinkSample(msgspec.Struct, frozen=True):
    """A sink to which a message could not be sent; ``failures`` in a row."""

    name: str
    failures: int
    error: str
    since: int


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """One view of a store; what an engine does not know is empty."""

    at: int
    """The store's time."""
    queues: tuple[QueueSample, ...] = ()
    workers: tuple[WorkerSample, ...] = ()
    schedules: tuple[ScheduleSample, ...] = ()
    activity: tuple[Activity, ...] = ()
    """By minute, for the last 16 minutes."""
    running: tuple[RunningJob, ...] = ()
    """The jobs that have run longest."""
    usual: Mapping[str, Usual] = {}
    """By task."""
    warnings: tuple[StoreWarning, ...] = ()
    retention: tuple[RetentionSample, ...] = ()
    sinks: tuple[SinkSample, ...] = ()
    outage: tuple[int, int] | None = None
    """Begin and end of the latest time for which the store could not be used."""

    @property
    def idle(self) -> bool:
        """Whether no job waits, runs or has ended lately, and no worker or schedule is late."""
        busy = any(one.queued or one.running for one in self.queues)
        troubled = any(one.hung_for or not one.alive for one in self.workers)
        return not (busy or troubled or self.activity or self.schedules or self.running)

    def recent(self, span: int) -> tuple[Activity, ...]:
        """Add up the activity of the last ``span``, by kind, queue and name; whole minutes."""
        return self._sum(span, self.activity)

    def losses(self, span: int) -> tuple[Activity, ...]:
        """Add up the lost workers; in an outage of the store they could not renew their leases."""
        begin, end = self.outage or (0, 0)
        lost = (one for one in self.activity if one.kind == "worker" and one.lost)
        return self._sum(span, (one for one in lost if not begin - one.span < one.at <= end))

    def _sum(self, span: int, rows: Iterable[Activity]) -> tuple[Activity, ...]:
        after = self.at - span - MINUTE
        found: dict[tuple[str, str, str], Activity] = {}
        for one in rows:
            if one.at > after:
                key = (one.kind, one.queue, one.name)
                found[key] = found[key].plus(one) if key in found else one
        return tuple(found.values())
