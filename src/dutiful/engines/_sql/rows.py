"""Conversions between rows and records, for columns that are the same in both SQL engines."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec.structs import asdict, astuple

from dutiful.contract.roles.fleet import WorkerInfo, WorkerStatus
from dutiful.core.job import Job
from dutiful.core.occurrence import Recorded
from dutiful.core.overdue import REPORTED
from dutiful.core.state import State
from dutiful.core.worker_report import Order, order_of

from .records import JOB
from .stored import Found

STATES = dict(enumerate(State))
"""The states by their stored numbers."""
read_tags = msgspec.json.Decoder(tuple[str, ...]).decode
read_meta = msgspec.json.Decoder(dict[str, str]).decode
_encode = msgspec.json.encode


def packed(value: tuple[str, ...] | dict[str, str]) -> str | None:
    """Write tags or meta as stored: JSON, or NULL when empty."""
    return _encode(value).decode() if value else None


def job_row(job: Job) -> tuple[Any, ...]:
    """Return all of a job's columns but ``seq``, as the statement ``fill`` stores them."""
    values = asdict(job)
    values["state"] = int(job.state)
    values["tags"], values["meta"] = packed(job.tags), packed(job.meta)
    return tuple([values[name] for name in JOB])


def recorded_row(one: Recorded, *, open: bool) -> tuple[Any, ...]:
    """Return all columns of an occurrence."""
    *fields, reported = astuple(one)
    return (*fields, REPORTED.index(reported), open)


def worker_row(info: WorkerInfo, host: str) -> tuple[Any, ...]:
    """Return the first parameters of the statement ``join``; ``host`` as the store can hold it."""
    queues = _encode(info.queues).decode()
    who = (info.id, queues, info.concurrency, info.lease, host, info.pid, info.born)
    return (*who, info.version)


def readable_order(stored: object) -> Order | None:
    """Return a stored order; what cannot be read is no order: it must stop no renewal."""
    try:
        return order_of(stored)
    except ValueError:
        return None


def status_of(found: Found, silent_for: int) -> WorkerStatus:
    """Build a worker's status from the columns of `records.WORKER` and `records.WORKER_STATE`."""
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
        report=has["report"],
        ordered=has["ordered"],
    )
