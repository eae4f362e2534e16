"""Between rows and records."""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec
from msgspec.structs import asdict, astuple

from dutiful.contract.roles.fleet import WorkerInfo, WorkerStatus
from dutiful.core.job import Claim, Job
from dutiful.core.occurrence import Recorded
from dutiful.core.overdue import REPORTED
from dutiful.core.state import State
from dutiful.engines._sql import records
from dutiful.engines._sql.stored import REFUSALS, salvage

_STATES = dict(enumerate(State))
_RUNNING = State.RUNNING
_UNIQUE = records.UNIQUE_STATES
_PRIORITY_LEAST = -records.PRIORITY_FAR
_encode = msgspec.json.encode
_tags = msgspec.json.Decoder(tuple[str, ...]).decode
_meta = msgspec.json.Decoder(dict[str, str]).decode
_WORKER = {**records.WORKER, **records.WORKER_STATE}
"""The columns of the statement ``workers`` behind the time."""


class WorkerRow(NamedTuple):
    """A row of the statement ``workers``; the first column is the time by the server's clock."""

    now: int
    id: str
    queues: str
    concurrency: int
    lease: int
    host: str
    pid: int
    born: int
    version: str
    joined_at: int
    renewed_at: int
    lost: bool
    stalled_for: int
    running: int


def packed(value: tuple[str, ...] | dict[str, str]) -> str | None:
    """Write tags or meta as stored: JSON, or NULL when empty."""
    return _encode(value).decode() if value else None


def job_of(row: tuple[Any, ...]) -> Job:
    """Build a job from all columns, ``seq`` first; it does not fail, see `Job.unreadable`."""
    # fmt: off
    (
        _, id, task, queue, state, priority, args, attempt, attempts, enqueued_at, run_at,
        started_at, finished_at, expires_at, crashes, fence, worker, reason, parked_at, cancel,
        key, states, tags, meta, result, steps, redriven_at,
    ) = row
    if id and state in _STATES and _PRIORITY_LEAST <= priority and states in _UNIQUE:
        try:
            return Job(
                id, task, queue, _STATES[state], priority, args, attempt, attempts, enqueued_at,
                run_at, started_at, finished_at, expires_at, crashes, fence, worker, reason,
                parked_at, cancel, key, states, _tags(tags) if tags else (),
                _meta(meta) if meta else {}, result, steps, redriven_at,
            )
        except REFUSALS:
            pass
    # fmt: on
    return records.job(row[records.ID :])


def job_row(job: Job) -> tuple[Any, ...]:
    """Return all of a job's columns but ``seq``, as the statement ``fill`` stores them."""
    values = asdict(job)
    values["state"] = int(job.state)
    values["tags"], values["meta"] = packed(job.tags), packed(job.meta)
    return tuple([values[name] for name in records.JOB])


def claim_of(row: tuple[Any, ...]) -> Claim:
    """Build the claim on a job that is running; without its steps."""
    return Claim(job_of(row))


def claimed_of(row: tuple[Any, ...], queue: str, worker: str) -> Claim:
    """Build a claim from a row of ``claim``, which leaves out what its caller knows."""
    # fmt: off
    (
        behind, run_at, _, id, task, _, _, _, args, attempt, attempts, enqueued_at, _, started_at,
        finished_at, expires_at, crashes, fence, _, reason, parked_at, cancel, key, states,
        tags, meta, result, steps, redriven_at,
    ) = row
    try:
        if id and states in _UNIQUE:
            return Claim(Job(
                id, task, queue, _RUNNING, -behind, args, attempt, attempts, enqueued_at, run_at,
                started_at, finished_at, expires_at, crashes, fence, worker, reason, parked_at,
                cancel, key, states, _tags(tags) if tags else (), _meta(meta) if meta else {},
                result, steps, redriven_at,
            ))
    except REFUSALS:
        pass
    return Claim(records.job((
        id, task, queue, _RUNNING, -behind, args, attempt, attempts, enqueued_at, run_at,
        started_at, finished_at, expires_at, crashes, fence, worker, reason, parked_at, cancel,
        key, states, tags, meta, result, steps, redriven_at,
    )))
    # fmt: on


def worker_row(info: WorkerInfo) -> tuple[Any, ...]:
    """Return the first parameters of the statement ``join``."""
    queues = _encode(info.queues).decode()
    who = (info.id, queues, info.concurrency, info.lease, storable(info.host), info.pid, info.born)
    return (*who, info.version)


def status_of(row: WorkerRow, silent_for: int) -> WorkerStatus:
    """Build a worker's status."""
    _, *columns = row
    found = salvage(_WORKER, columns)
    has = found.values
    return WorkerStatus(
        info=WorkerInfo(**{name: has[name] for name in WorkerInfo.__struct_fields__}),
        joined_at=has["joined_at"],
        renewed_at=has["renewed_at"],
        silent_for=silent_for,
        stalled_for=has["stalled_for"],
        running=has["running"],
        lost=has["lost"],
        unreadable=found.unreadable,
    )


def recorded_row(one: Recorded, *, open: bool) -> tuple[Any, ...]:
    """Return all columns of an occurrence."""
    *fields, reported = astuple(one)
    return (*fields, REPORTED.index(reported), open)


def storable(text: str, codec: str = "utf-8") -> str:
    """Escape what PostgreSQL's text refuses and an error's text may hold: NUL, half of a character.

    In a database that is not in UTF-8 also the characters that ``codec`` lacks.
    """
    clean = text.encode(codec, "backslashreplace").decode(codec)
    return clean.replace("\x00", "\\x00")
