"""Between rows and records."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec.structs import astuple

from dutiful.contract.fleet import WorkerInfo, WorkerStatus
from dutiful.core.deadline import TOLD
from dutiful.core.job import Claim, Job
from dutiful.core.occurrence import Recorded, Standing
from dutiful.core.state import State

_STATES = tuple(State)
_RUNNING = State.RUNNING
_encode = msgspec.json.encode
_tags = msgspec.json.Decoder(tuple[str, ...]).decode
_meta = msgspec.json.Decoder(dict[str, str]).decode
_STANDING = Standing.__struct_fields__
_RECORDED = Recorded.__struct_fields__


def packed(value: tuple[str, ...] | dict[str, str]) -> str | None:
    """Write tags or meta as stored: JSON, or NULL when empty."""
    return _encode(value).decode() if value else None


def job_of(row: tuple[Any, ...]) -> Job:
    """Build a job from all columns, the first of which is ``seq``."""
    fields = list(row)
    fields[4] = _STATES[fields[4]]
    tags, meta = fields[22:24]
    fields[22] = _tags(tags) if tags else ()
    fields[23] = _meta(meta) if meta else {}
    return Job(*fields[1:])


def claim_of(row: tuple[Any, ...]) -> Claim:
    """Build the claim on a job that is running; without its steps."""
    return Claim(job_of(row))


def claimed_of(row: tuple[Any, ...], queue: str, worker: str) -> Claim:
    """Build a claim from a row of ``claim.sql``, which leaves out what its caller knows."""
    fields = list(row)
    fields[5] = queue
    fields[6] = _RUNNING
    fields[7] = -row[0]
    fields[12] = row[1]
    fields[18] = worker
    tags, meta = row[24], row[25]
    fields[24] = _tags(tags) if tags else ()
    fields[25] = _meta(meta) if meta else {}
    return Claim(Job(*fields[3:]))


def worker_row(info: WorkerInfo) -> tuple[Any, ...]:
    """Return the first parameters of ``join.sql``."""
    queues = _encode(info.queues).decode()
    who = (info.id, queues, info.concurrency, info.lease, storable(info.host), info.pid, info.born)
    return (*who, info.version)


def status_of(row: tuple[Any, ...], silent_for: int) -> WorkerStatus:
    """Build a worker's status from a row of ``workers.sql``."""
    id_, queues, concurrency, lease, host, pid, born, version = row[:8]
    joined_at, renewed_at, _, lost, stalled_for, running = row[8:]
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
        silent_for=silent_for,
        stalled_for=stalled_for,
        running=running,
        lost=lost,
    )


def standing_of(row: Sequence[Any]) -> Standing:
    """Build where a schedule stands from all of its columns."""
    return Standing(**dict(zip(_STANDING, row, strict=True)))


def recorded_row(one: Recorded, *, open: bool) -> tuple[Any, ...]:
    """Return all columns of an occurrence."""
    *fields, told = astuple(one)
    return (*fields, TOLD.index(told), open)


def recorded_of(row: Sequence[Any]) -> Recorded:
    """Build an occurrence from its columns; the last are its job's state and what was told."""
    fields = dict(zip(_RECORDED, row, strict=True))
    fields["state"] = None if row[13] is None else _STATES[row[13]]
    fields["told"] = TOLD[row[14]]
    return Recorded(**fields)


def storable(text: str) -> str:
    """Replace what PostgreSQL's text refuses: lone surrogates and NUL, as an error may hold."""
    clean = text.encode("utf-8", "backslashreplace").decode("utf-8")
    return clean.replace("\x00", "\\x00")
