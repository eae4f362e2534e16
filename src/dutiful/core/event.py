"""What happens to jobs, workers and stores, as values; logs, metrics and hooks read these."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from .alert_event import AlertEvent
from .job import AttemptError, Job
from .run_event import JobStarted as JobStarted
from .run_event import WorkerStarted as WorkerStarted
from .schedule_event import OccurrenceLate as OccurrenceLate
from .schedule_event import OccurrenceMissed as OccurrenceMissed
from .schedule_event import ScheduleBroken as ScheduleBroken
from .schedule_event import SchedulesDeclared as SchedulesDeclared
from .settle import Settlement
from .worker_event import LeaseLost as LeaseLost
from .worker_event import WorkerDraining as WorkerDraining
from .worker_event import WorkerHung as WorkerHung
from .worker_event import WorkerJoined as WorkerJoined
from .worker_event import WorkerLeft as WorkerLeft
from .worker_event import WorkerLost as WorkerLost
from .worker_event import WorkerQuieted as WorkerQuieted
from .worker_event import WorkerResumed as WorkerResumed
from .worker_event import WorkerStalled as WorkerStalled


class Enqueued(msgspec.Struct, frozen=True, tag=True):
    """Jobs were stored; for ``existing`` others, a live job already holds the unique key."""

    created: int
    existing: int = 0


class Claimed(msgspec.Struct, frozen=True, tag=True):
    """A worker took jobs."""

    worker: str
    count: int


class Settled(msgspec.Struct, frozen=True, tag=True, weakref=True):
    """Attempts ended and the store accepted it."""

    worker: str
    settlements: tuple[Settlement, ...]


class JobDied(msgspec.Struct, frozen=True, tag=True):
    """A job became a dead letter; the job is as it was claimed."""

    job: Job
    reason: str
    error: AttemptError | None = None


class ClaimsRefused(msgspec.Struct, frozen=True, tag=True):
    """Settlements of stale claims were refused and changed nothing."""

    worker: str
    job_ids: tuple[str, ...]


class SettlementsDelayed(msgspec.Struct, frozen=True, tag=True):
    """Ends or steps wait because another session locked their jobs; emitted once, then retried."""

    worker: str
    job_ids: tuple[str, ...]
    locked_by: str
    """The session that has locked them; empty if it is not known."""


class SettlementsUnknown(msgspec.Struct, frozen=True, tag=True):
    """The own leases of jobs were over before their ends were answered: they may run again."""

    worker: str
    job_ids: tuple[str, ...]


class QueuesUnserved(msgspec.Struct, frozen=True, tag=True):
    """A worker that started found due jobs in queues that no live worker serves."""

    waiting: dict[str, int]
    """How many jobs are due, by queue."""


class JobsRescued(msgspec.Struct, frozen=True, tag=True):
    """Jobs of lost workers were rescued."""

    count: int


class TaskUnknown(msgspec.Struct, frozen=True, tag=True):
    """A job was parked, because this worker's code has no such task."""

    task: str
    job_id: str


class ArgumentsUnfit(msgspec.Struct, frozen=True, tag=True):
    """A job was parked, because its arguments do not fit the task as this worker knows it."""

    task: str
    job_id: str
    error: str


class SlotStuck(msgspec.Struct, frozen=True, tag=True):
    """A job still runs after its hard timeout, or a hook's, and cannot be stopped."""

    job_id: str
    task: str
    isolation: str


class EngineTroubled(msgspec.Struct, frozen=True, tag=True):
    """The store cannot be used; emitted once when this begins."""

    error: str


class EngineRecovered(msgspec.Struct, frozen=True, tag=True):
    """The store can be used again."""

    seconds: float


class SlotWaiting(msgspec.Struct, frozen=True, tag=True):
    """A job waits in its slot for another job's result; if all slots do so, no job can run."""

    job_id: str
    task: str
    waits_for: str


class SlotsShort(msgspec.Struct, frozen=True, tag=True):
    """A thread or process could not be started: fewer slots are used, jobs are released."""

    slots: int
    of: int
    error: str


class SlotsRestored(msgspec.Struct, frozen=True, tag=True):
    """All slots of a worker are in use again after `SlotsShort`."""

    slots: int


class OutcomeRefused(msgspec.Struct, frozen=True, tag=True):
    """The store cannot hold how an attempt ended; a failure is settled in its place."""

    job_id: str
    task: str
    error: str


class ServiceFailed(msgspec.Struct, frozen=True, tag=True):
    """A background service raised an error; it runs again at its next turn."""

    service: str
    error: str


class PingsStopped(msgspec.Struct, frozen=True, tag=True):
    """No dead-man's signal goes out any more, and why; emitted once when this begins."""

    why: str


class PingsResumed(msgspec.Struct, frozen=True, tag=True):
    """The dead-man's signal goes out again after `PingsStopped`."""


class HookFailed(msgspec.Struct, frozen=True, tag=True):
    """A user's hook raised an error; if it wraps an attempt or a call, the attempt fails, too."""

    hook: str
    error: str


class Pruned(msgspec.Struct, frozen=True, tag=True):
    """Finished jobs older than their retention were deleted."""

    count: int


class StoreUnhealthy(msgspec.Struct, frozen=True, tag=True):
    """Something makes the store slower with time, such as old snapshots that hold up vacuum."""

    about: str
    """Identifies it: the same text as long as it lasts."""
    text: str


class ClockSkewed(msgspec.Struct, frozen=True, tag=True):
    """This worker's clock differs from the store's clock, which decides; emitted once."""

    seconds: float


class Notice(msgspec.Struct, frozen=True, tag=True):
    """Something an operator should read once, such as a database on a network file system."""

    text: str


Event = (
    Enqueued
    | Claimed
    | JobStarted
    | Settled
    | JobDied
    | ClaimsRefused
    | SettlementsDelayed
    | SettlementsUnknown
    | WorkerStarted
    | WorkerJoined
    | QueuesUnserved
    | WorkerLeft
    | WorkerLost
    | WorkerStalled
    | WorkerHung
    | WorkerQuieted
    | WorkerResumed
    | WorkerDraining
    | JobsRescued
    | LeaseLost
    | TaskUnknown
    | ArgumentsUnfit
    | SlotStuck
    | SlotWaiting
    | SlotsShort
    | SlotsRestored
    | OutcomeRefused
    | EngineTroubled
    | EngineRecovered
    | ServiceFailed
    | PingsStopped
    | PingsResumed
    | HookFailed
    | Pruned
    | StoreUnhealthy
    | OccurrenceLate
    | OccurrenceMissed
    | ScheduleBroken
    | SchedulesDeclared
    | ClockSkewed
    | AlertEvent
    | Notice
)

Emit = Callable[[Event], None]


def ignore(event: Event) -> None:
    """Take an event and do nothing with it."""
