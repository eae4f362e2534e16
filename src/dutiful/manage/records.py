"""What the management interface returns of jobs and queues.

Instants are datetimes in UTC, spans are timedeltas, stored JSON is decoded. A row that cannot be
read is a record as well: ``unreadable`` names its bad columns, which have safe values.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal, cast

import msgspec

from dutiful.contract.page import DeadGroup, QueueCount
from dutiful.core.job import AttemptError, Job
from dutiful.core.redact_error import without
from dutiful.core.redaction import (
    MARKS,
    Path,
    masked,
    masked_args,
    of_args,
    of_result,
    paths_of,
    secrets_of,
)
from dutiful.core.secret_texts import NO_SECRETS, Secrets
from dutiful.core.state import FINAL, State
from dutiful.core.task_log import LogLine
from dutiful.core.trace_context import trace_id

from .reading import value, when

JobState = Literal["scheduled", "queued", "running", "waiting", "succeeded", "dead", "cancelled"]


class ErrorRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What one failed attempt of a job left behind."""

    attempt: int
    at: datetime
    worker: str
    type: str
    """The name of the exception's class."""
    message: str
    traceback: str


class LogLineRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One line that a task logged and that was kept with its job."""

    attempt: int
    at: datetime
    """By the clock of the worker that ran the attempt."""
    level: str
    """In small letters: ``info``."""
    logger: str
    message: str
    """With the traceback below it, if there was one."""
    skipped: int
    """How many lines were left out before this one."""


class JobRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A job as it was when it was looked up."""

    id: str
    task: str
    queue: str
    state: JobState
    priority: int
    args: Any
    """The arguments by name, as plain JSON; the text as stored where that is not JSON.

    What the task marks as `Sensitive` is ``***``, here and in the other fields; `Jobs.reveal`
    returns it."""
    attempt: int
    """Attempts spent, the running one included."""
    max_attempts: int
    enqueued_at: datetime
    run_at: datetime
    """When it is or was due."""
    started_at: datetime | None
    """When the latest attempt was claimed."""
    finished_at: datetime | None
    expires_at: datetime | None
    redriven_at: datetime | None
    parked_at: datetime | None
    """When a worker first met it without knowing its task."""
    crashes: int
    """How many workers died while they ran it."""
    worker: str | None
    """The worker that runs it."""
    reason: str | None
    """Why it is dead, cancelled or parked."""
    cancel_requested: bool
    unique_key: str | None
    tags: tuple[str, ...]
    meta: dict[str, str]
    result: Any
    """The result as plain JSON; ``task.handle(id).result()`` gives it as its annotated type."""
    step_count: int
    """How many steps are recorded; `Jobs.steps` returns them."""
    unreadable: str | None
    """The names of columns that cannot be read. Such a job dies when it is claimed."""
    latest_error: ErrorRecord | None = None
    """The error of its last attempt, if that failed and if ``with_errors`` asked for it."""

    @property
    def final(self) -> bool:
        """Whether it has ended: it succeeded, is dead, or was cancelled."""
        return self.state in _FINAL

    @property
    def trace_id(self) -> str | None:
        """The id of the trace to which it belongs, by the ``traceparent`` in its meta."""
        return trace_id(self.meta)

    @property
    def purgeable(self) -> bool:
        """Whether it may be deleted: it has ended, or no worker can ever run it."""
        return (self.final or self.unreadable is not None) and self.state != "running"


_FINAL = tuple(state.word for state in FINAL)


class DeadGroupRecord(msgspec.Struct, frozen=True, kw_only=True):
    """Dead letters of one task, reason and error type."""

    task: str
    reason: str
    error_type: str
    message: str
    """The message of the latest of them."""
    count: int
    latest_at: datetime
    """When the latest of them died."""


class QueueRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A queue and how many jobs of each state it holds."""

    name: str
    counts: dict[JobState, int]
    """All states, also those without jobs."""
    paused_at: datetime | None
    oldest_queued_at: datetime | None
    """When the longest-waiting job became due, of the queued ones and of those in ``due``."""
    due: int
    """How many scheduled and waiting jobs are due: queued as soon as a worker of theirs looks."""

    @property
    def paused(self) -> bool:
        """Whether workers take no jobs of it."""
        return self.paused_at is not None

    @property
    def ready(self) -> int:
        """How many jobs a worker of this queue could take now, were it not paused."""
        return self.counts["queued"] + self.due


def word_of(state: State) -> JobState:
    """Return a state's word with its type."""
    return cast(JobState, state.word)


def error_record(row: AttemptError, hidden: Secrets = NO_SECRETS) -> ErrorRecord:
    """Read what a failed attempt left behind; what is ``hidden`` is not in it."""
    row = without(row, hidden) if hidden else row
    return ErrorRecord(
        attempt=row.attempt,
        at=when(row.at),
        worker=row.worker,
        type=row.type,
        message=row.message,
        traceback=row.traceback,
    )


def job_secrets(row: Job, sensitive: Sequence[Path] = ()) -> Secrets:
    """Return the sensitive values of a job, by its marks and by more paths."""
    if not sensitive and MARKS not in row.meta:
        return NO_SECRETS
    return secrets_of(row.args, row.meta, sensitive, result=row.result)


def job_record(
    row: Job,
    error: AttemptError | None = None,
    *,
    sensitive: Sequence[Path] = (),
    reveal: bool = False,
) -> JobRecord:
    """Read a job, with ``***`` for what its task marks as sensitive, unless ``reveal`` is set.

    ``sensitive`` are paths that the job's own meta may not name.
    """
    if reveal or not (sensitive or MARKS in row.meta):
        return _whole_record(row, error)
    paths, hidden = {*paths_of(row.meta), *sensitive}, job_secrets(row, sensitive)
    shown = _whole_record(row, None if error is None else without(error, hidden))
    return msgspec.structs.replace(
        shown,
        args=masked_args(shown.args, of_args(paths)),
        result=hidden.hide_in(masked(shown.result, of_result(paths))),
        reason=hidden.hide_in(shown.reason),
        unique_key=hidden.hide_in(shown.unique_key),
        tags=hidden.hide_in(shown.tags),
        meta={name: hidden.hide(text) for name, text in shown.meta.items() if name != MARKS},
    )


def _whole_record(row: Job, error: AttemptError | None) -> JobRecord:
    return JobRecord(
        id=row.id,
        task=row.task,
        queue=row.queue,
        state=word_of(row.state),
        priority=row.priority,
        args=value(row.args),
        attempt=row.attempt,
        max_attempts=row.max_attempts,
        enqueued_at=when(row.enqueued_at),
        run_at=when(row.run_at),
        started_at=when(row.started_at),
        finished_at=when(row.finished_at),
        expires_at=when(row.expires_at),
        redriven_at=when(row.redriven_at),
        parked_at=when(row.parked_at),
        crashes=row.crashes,
        worker=row.worker,
        reason=row.reason,
        cancel_requested=row.cancel_requested,
        unique_key=row.unique_key,
        tags=row.tags,
        meta=dict(row.meta),
        result=value(row.result),
        step_count=row.steps,
        unreadable=row.unreadable,
        latest_error=None if error is None else error_record(error),
    )


def log_record(row: LogLine, hidden: Secrets = NO_SECRETS) -> LogLineRecord:
    """Read a line that was kept, without the values that are hidden now."""
    return LogLineRecord(
        attempt=row.attempt,
        at=when(row.at),
        level=row.level,
        logger=row.logger,
        message=hidden.hide(row.message) if hidden else row.message,
        skipped=row.skipped,
    )


def group_record(row: DeadGroup) -> DeadGroupRecord:
    """Read a group of dead letters."""
    return DeadGroupRecord(
        task=row.task,
        reason=row.reason,
        error_type=row.error_type,
        message=row.message,
        count=row.count,
        latest_at=when(row.latest_at),
    )


def queue_record(row: QueueCount) -> QueueRecord:
    """Read a queue."""
    return QueueRecord(
        name=row.queue,
        counts={word_of(state): row.counts.get(state, 0) for state in State},
        paused_at=when(row.paused_at),
        oldest_queued_at=when(row.oldest_queued_at),
        due=row.due,
    )
