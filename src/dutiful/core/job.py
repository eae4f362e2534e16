"""The records: a job as asked for, a job as stored, a claim on it, and an error it left behind."""

from __future__ import annotations

from typing import Any

import msgspec

from .state import State
from .task_log import LogLine
from .unique import Unique, hold


class NewJob(msgspec.Struct, frozen=True, kw_only=True):
    """A job that a client asks for; its id is made by the client, so that asking twice is safe."""

    id: str
    task: str
    args: bytes
    queue: str = "default"
    priority: int = 0
    max_attempts: int = 20
    delay: int = 0
    """Microseconds from the store's now; ignored when ``run_at`` is given."""
    run_at: int | None = None
    expires_in: int | None = None
    """Microseconds after it is due; a job not started by then dies as ``expired``."""
    unique: Unique | None = None
    tags: tuple[str, ...] = ()
    meta: dict[str, str] = {}


class Job(msgspec.Struct, frozen=True, gc=False):
    """A job as the store holds it; instants are microseconds since the epoch, UTC."""

    id: str
    task: str
    queue: str
    state: State
    priority: int
    args: bytes
    attempt: int
    """Attempts spent, the running one included."""
    max_attempts: int
    enqueued_at: int
    run_at: int
    started_at: int | None = None
    """When the latest attempt was claimed."""
    finished_at: int | None = None
    expires_at: int | None = None
    crashes: int = 0
    """How many workers died while they ran it."""
    fence: int = 0
    """Grows with every claim and every rescue; only the claim that has it may settle.

    No fence is given twice to jobs of one id, even if a job was deleted and enqueued again. So
    it may be passed to other systems, which then refuse writes with a lower one.
    """
    worker: str | None = None
    reason: str | None = None
    """Why it is dead, cancelled or parked."""
    parked_at: int | None = None
    """When a worker first met it without knowing its task."""
    cancel_requested: bool = False
    unique_key: str | None = None
    unique_states: int = 0
    tags: tuple[str, ...] = ()
    meta: dict[str, str] = {}
    result: bytes | None = None
    steps: int = 0
    """How many steps are recorded."""
    redriven_at: int | None = None
    unreadable: str | None = None
    """The names of columns that cannot be read; safe values stand in their place.

    Such a job is shown, and dies as ``bad-payload`` when it is claimed; it never runs.
    """

    @property
    def purgeable(self) -> bool:
        """Whether it may be deleted by hand: it has ended, or no worker can ever run it."""
        ended = self.state.final or self.unreadable is not None
        return ended and self.state is not State.RUNNING


class Claim(msgspec.Struct, frozen=True, gc=False):
    """One attempt's exclusive right to a job, valid while the store holds the same fence."""

    job: Job
    handle: Any = None
    """What the engine needs to find the job again (a row number, a receipt handle)."""
    steps: dict[str, bytes] = {}
    """Results of the steps recorded by earlier attempts."""
    log: tuple[LogLine, ...] = ()
    """What the attempt has logged, once it has ended: settling the claim stores it."""


class AttemptError(msgspec.Struct, frozen=True):
    """What one failed attempt left behind."""

    job_id: str
    attempt: int
    at: int
    worker: str
    type: str
    message: str
    traceback: str = ""


def stamp(new: NewJob, now: int) -> Job:
    """Turn a request into the job to store, by the store's clock."""
    run_at = new.run_at if new.run_at is not None else now + new.delay
    return Job(
        id=new.id,
        task=new.task,
        queue=new.queue,
        state=State.SCHEDULED if run_at > now else State.QUEUED,
        priority=new.priority,
        args=new.args,
        attempt=0,
        max_attempts=new.max_attempts,
        enqueued_at=now,
        run_at=run_at,
        expires_at=None if new.expires_in is None else max(run_at, now) + new.expires_in,
        unique_key=None if new.unique is None else hold(new.unique, now),
        unique_states=0 if new.unique is None else new.unique.states,
        tags=new.tags,
        meta=new.meta,
    )
