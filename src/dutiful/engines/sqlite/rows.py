"""Between rows and records."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec.structs import astuple

from dutiful.contract.fleet import WorkerInfo, WorkerStatus
from dutiful.core.deadline import TOLD
from dutiful.core.job import AttemptError, Claim, Job
from dutiful.core.occurrence import Recorded, Standing
from dutiful.core.state import State

_STATES = tuple(State)
_encode = msgspec.json.encode
_tags = msgspec.json.Decoder(tuple[str, ...]).decode
_meta = msgspec.json.Decoder(dict[str, str]).decode
_STANDING = Standing.__struct_fields__
_RECORDED = Recorded.__struct_fields__


def packed(value: tuple[str, ...] | dict[str, str]) -> str | None:
    """Write tags or meta as stored: JSON, or NULL when empty."""
    return _encode(value).decode() if value else None


def new_row(job: Job) -> tuple[Any, ...]:
    """Return the parameters of ``enqueue.sql``."""
    tags, meta = job.tags, job.meta
    return (
        job.id,
        job.task,
        job.queue,
        1 if job.state is State.QUEUED else 0,
        job.priority,
        job.args,
        job.max_attempts,
        job.enqueued_at,
        job.run_at,
        job.expires_at,
        job.unique_key,
        job.unique_states,
        packed(tags) if tags else None,
        packed(meta) if meta else None,
    )


def job_row(job: Job) -> tuple[Any, ...]:
    """Return the parameters of ``fill.sql``: all of a job's columns but ``seq``."""
    fields = list(astuple(job))
    fields[3] = int(job.state)
    fields[18] = int(job.cancel_requested)
    fields[21], fields[22] = packed(job.tags), packed(job.meta)
    return tuple(fields)


def job_of(row: tuple[Any, ...]) -> Job:
    """Build a job from all columns, the first of which is ``seq``."""
    fields = list(row)
    fields[4] = _STATES[fields[4]]
    fields[19] = fields[19] == 1
    tags, meta = fields[22:24]
    fields[22] = _tags(tags) if tags else ()
    fields[23] = _meta(meta) if meta else {}
    return Job(*fields[1:])


def claim_of(row: tuple[Any, ...]) -> Claim:
    """Build the claim on a job that is running; without its steps."""
    return Claim(job_of(row), row[0])


def error_row(error: AttemptError) -> tuple[Any, ...]:
    """Return the first parameters of ``fail.sql``."""
    return (
        error.attempt,
        error.at,
        _storable(error.worker),
        _storable(error.type),
        _storable(error.message),
        _storable(error.traceback),
    )


def worker_row(info: WorkerInfo, now: int, ticks: int, boot: str) -> tuple[Any, ...]:
    """Return the parameters of ``join.sql``."""
    queues = _encode(info.queues).decode()
    who = (info.id, queues, info.concurrency, info.lease, info.host, info.pid, info.born)
    return (*who, info.version, now, now, ticks, boot)


def status_of(row: tuple[Any, ...], now: int, ticks: int, boot: str) -> WorkerStatus:
    """Build a worker's status from a row of ``workers.sql``."""
    id_, queues, concurrency, lease, host, pid, born, version = row[:8]
    joined_at, renewed_at, renewed_ticks, renewed_boot, lost, stalled_for, running = row[8:]
    # Ticks start anew with each boot, so those of another cannot be compared with ours.
    silent = ticks - renewed_ticks if renewed_boot == boot else max(now - renewed_at, lease + 1)
    return WorkerStatus(
        info=WorkerInfo(
            id=id_,
            queues=_tags(queues),
            concurrency=concurrency,
            lease=lease,
            host=host,
            pid=pid,
            born=born,
            version=version,
        ),
        joined_at=joined_at,
        renewed_at=renewed_at,
        silent_for=silent,
        stalled_for=stalled_for,
        running=running,
        lost=bool(lost),
    )


def standing_row(standing: Standing) -> tuple[Any, ...]:
    """Return the parameters of ``schedule_put.sql``."""
    return astuple(standing)


def standing_of(row: tuple[Any, ...]) -> Standing:
    """Build where a schedule stands from all of its columns."""
    fields = dict(zip(_STANDING, row, strict=True))
    fields["exclusive"] = row[3] == 1
    return Standing(**fields)


def recorded_row(one: Recorded, *, open: bool) -> tuple[Any, ...]:
    """Return all columns of an occurrence."""
    *fields, told = astuple(one)
    return (*fields, TOLD.index(told), open)


def recorded_of(row: tuple[Any, ...]) -> Recorded:
    """Build an occurrence from its columns; the last are its job's state and what was told."""
    fields = dict(zip(_RECORDED, row, strict=True))
    fields["backfilled"] = row[8] == 1
    fields["state"] = None if row[13] is None else _STATES[row[13]]
    fields["told"] = TOLD[row[14]]
    return Recorded(**fields)


def _storable(text: str) -> str:
    """Replace lone surrogates, which SQLite refuses; a file's name in an error may hold some."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
