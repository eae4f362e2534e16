"""Conversions between rows and records."""

from __future__ import annotations

from typing import Any, NamedTuple

from dutiful.contract.roles.fleet import WorkerInfo, WorkerStatus
from dutiful.core.job import Claim, Job
from dutiful.core.state import State
from dutiful.engines._sql import records, rows
from dutiful.engines._sql.rows import STATES, read_meta, read_tags
from dutiful.engines._sql.stored import REFUSALS, salvage

_RUNNING = State.RUNNING
_UNIQUE = records.UNIQUE_STATES
_PRIORITY_LEAST = -records.PRIORITY_FAR
_WORKER = {**records.WORKER, **records.WORKER_STATE}
"""The columns of the statement ``workers`` after the time."""


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
    report: str | None
    ordered: str | None
    running: int


def job_of(row: tuple[Any, ...]) -> Job:
    """Build a job from all columns, ``seq`` first; it does not fail, see `Job.unreadable`."""
    # fmt: off
    (
        _, id, task, queue, state, priority, args, attempt, attempts, enqueued_at, run_at,
        started_at, finished_at, expires_at, crashes, fence, worker, reason, parked_at, cancel,
        key, states, tags, meta, result, steps, redriven_at,
    ) = row
    if id and state in STATES and _PRIORITY_LEAST <= priority and states in _UNIQUE:
        try:
            return Job(
                id, task, queue, STATES[state], priority, args, attempt, attempts, enqueued_at,
                run_at, started_at, finished_at, expires_at, crashes, fence, worker, reason,
                parked_at, cancel, key, states, read_tags(tags) if tags else (),
                read_meta(meta) if meta else {}, result, steps, redriven_at,
            )
        except REFUSALS:
            pass
    # fmt: on
    return records.job(row[records.ID :])


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
                cancel, key, states, read_tags(tags) if tags else (),
                read_meta(meta) if meta else {}, result, steps, redriven_at,
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
    return rows.worker_row(info, storable(info.host))


def status_of(row: WorkerRow, silent_for: int) -> WorkerStatus:
    """Build a worker's status."""
    _, *columns = row
    return rows.status_of(salvage(_WORKER, columns), silent_for)


def storable(text: str, codec: str = "utf-8") -> str:
    """Escape characters of an error's text that PostgreSQL refuses: NUL and lone surrogates.

    In a database that is not in UTF-8, also the characters that ``codec`` lacks.
    """
    clean = text.encode(codec, "backslashreplace").decode(codec)
    return clean.replace("\x00", "\\x00")
