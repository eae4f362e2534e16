"""Conversions between rows and records."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Annotated, Any, Literal, NamedTuple

import msgspec
from msgspec import Meta
from msgspec.structs import astuple

from dutiful.contract.roles.fleet import WorkerInfo, WorkerStatus
from dutiful.core.job import AttemptError, Claim, Job
from dutiful.core.occurrence import Standing
from dutiful.engines._sql import records, rows, stored
from dutiful.engines._sql.records import FENCE, ID, SEQ
from dutiful.engines._sql.rows import STATES, read_meta, read_tags
from dutiful.engines._sql.statement import Answer, Plan, Statement
from dutiful.engines._sql.stored import Column, always, shown, text, whole

from .connections.connection import NotText
from .statements import sql

ROW = "row:"
"""Prefix of the name of a job whose id is not text; the number of its row follows."""

_ROW_NAME = re.compile(f"{ROW}(0|-?[1-9][0-9]{{0,18}})")
_ID_OF_ROW = sql("id_of_row")
_BYTES = (bytes,)
"""Prevents that msgspec decodes a text as base64 where bytes are expected."""

_Name = Annotated[str, Meta(min_length=1)]
_Count = Annotated[int, Meta(ge=0, le=2**31 - 1)]
_State = Annotated[int, Meta(ge=0, le=len(STATES) - 1)]
_Flag = Annotated[int, Meta(ge=0, le=1)]
_Priority = Annotated[int, Meta(ge=-records.PRIORITY_FAR, le=records.PRIORITY_FAR)]
_UniqueStates = Literal[0, 15, 31, 47, 63, 79, 95, 111, 127]
"""The values of `records.UNIQUE_STATES`."""
_Row = tuple[
    int,
    _Name,
    _Name,
    _Name,
    _State,
    _Priority,
    bytes,
    _Count,
    Annotated[int, Meta(ge=1, le=2**31 - 1)],
    int,
    int,
    int | None,
    int | None,
    int | None,
    _Count,
    int,
    str | None,
    str | None,
    int | None,
    _Flag,
    str | None,
    _UniqueStates,
    str | None,
    str | None,
    bytes | None,
    _Count,
    int | None,
]
"""The types of the columns of a job, ``seq`` first."""

_RENEWED = {"renewed_ticks": Column(whole(), always(0)), "boot": Column(text, shown)}
_WORKER = {**records.WORKER, **_RENEWED, **records.WORKER_STATE}
"""The columns of the statement ``workers``."""


class _Sound(msgspec.Struct, array_like=True):
    """Rows of jobs with the right type in each column from ``seq`` on; SQLite checks no types."""

    rows: list[_Row]


def jobs_of(rows: list[tuple[Any, ...]]) -> list[Job]:
    """Build jobs from all columns, ``seq`` first; it does not fail, see `Job.unreadable`.

    One call checks all rows, which takes a hundredth of the time of a claim.
    """
    try:
        msgspec.convert((rows,), _Sound, builtin_types=_BYTES)
        return [_job(row) for row in rows]
    except msgspec.MsgspecError:
        return [job_of(row) for row in rows]


def job_of(row: tuple[Any, ...]) -> Job:
    """Build one job, as `jobs_of` does."""
    try:
        msgspec.convert(((row,),), _Sound, builtin_types=_BYTES)
        return _job(row)
    except msgspec.MsgspecError:
        seq, *columns = row
        job = records.job(columns)
        bad = job.unreadable is not None and not isinstance(row[ID], str)
        return msgspec.structs.replace(job, id=f"{ROW}{seq}") if bad else job


def _job(row: tuple[Any, ...]) -> Job:
    """Build a job from a row of the right types; naming each column is the fastest way."""
    # fmt: off
    (
        _, job_id, task, queue, state, priority, args, attempt, max_attempts, enqueued_at, run_at,
        started_at, finished_at, expires_at, crashes, fence, worker, reason, parked_at,
        cancel_requested, unique_key, unique_states, tags, meta, result, steps, redriven_at,
    ) = row
    return Job(
        job_id, task, queue, STATES[state], priority, args, attempt, max_attempts, enqueued_at,
        run_at, started_at, finished_at, expires_at, crashes, fence, worker, reason, parked_at,
        cancel_requested == 1, unique_key, unique_states, read_tags(tags) if tags else (),
        read_meta(meta) if meta else {}, result, steps, redriven_at,
    )
    # fmt: on


class Raw(NamedTuple):
    """The row of an unreadable job: its number, and its fence and its id as stored."""

    seq: int
    fence: Any
    id: Any


def claims_of(rows: list[tuple[Any, ...]]) -> list[Claim]:
    """Build the claims on jobs that are running; without their steps."""
    return [
        Claim(job, row[SEQ] if job.unreadable is None else Raw(row[SEQ], row[FENCE], row[ID]))
        for job, row in zip(jobs_of(rows), rows, strict=True)
    ]


def seq_of(claim: Claim) -> int:
    """Return the number of the row of a claimed job."""
    seq: int = claim.handle.seq if isinstance(claim.handle, Raw) else claim.handle
    return seq


def by_id(text: str, job_id: str, *params: Any) -> Plan[Answer]:
    """Run a statement that ends in a job's id; a job whose id is not text is found by its row.

    A job whose id is text is never found by its row, because numbers of rows are reused.
    """
    if (seq := _numbered(job_id)) is not None:
        found = (yield Statement(_ID_OF_ROW, (seq,))).rows
        if found and not isinstance(found[0][0], str):
            return (yield Statement(text.replace(" id = ?", " seq = ?"), (*params, seq)))
    return (yield Statement(text, (*params, job_id)))


def _numbered(job_id: str) -> int | None:
    """Return the row's number in the name of such a job; None for an ordinary id."""
    if not _ROW_NAME.fullmatch(job_id):
        return None
    seq = int(job_id.removeprefix(ROW))
    return seq if -(2**63) <= seq < 2**63 else None


def guarded(text: str, claim: Claim) -> tuple[str, tuple[Any, ...]]:
    """Return a statement that ends in the check of a claim, with the parameters of the check."""
    where = claim.handle
    if not isinstance(where, Raw):
        return text, (where, claim.job.fence, claim.job.id)
    text = text.replace("AND fence = ?", f"AND fence IS {_mark(where.fence)}")
    return text.replace("AND id = ?", f"AND id IS {_mark(where.id)}"), tuple(where)


def _mark(value: Any) -> str:
    return "CAST(? AS TEXT)" if isinstance(value, NotText) else "?"


def steps_from(rows: Iterable[tuple[Any, Any]]) -> tuple[dict[str, bytes], bool]:
    """Build steps from rows of names and results, and say whether all of them can be read."""
    steps: dict[str, bytes] = {}
    sound = True
    for name, result in rows:
        sound = sound and isinstance(name, str) and type(result) is bytes
        steps[stored.shown(name) if not isinstance(name, str) else name] = (
            result if type(result) is bytes else stored.shown(result).encode()
        )
    return steps, sound


def error_row(error: AttemptError) -> tuple[Any, ...]:
    """Return the first parameters of the statement ``fail``."""
    return (
        error.attempt,
        error.at,
        storable(error.worker),
        storable(error.type),
        storable(error.message),
        storable(error.traceback),
    )


def worker_row(info: WorkerInfo, now: int, ticks: int, boot: str) -> tuple[Any, ...]:
    """Return the parameters of the statement ``join``."""
    return (*rows.worker_row(info, info.host), now, now, ticks, boot)


def status_of(row: tuple[Any, ...], now: int, ticks: int, boot: str) -> WorkerStatus:
    """Build a worker's status from a row of the statement ``workers``."""
    found = stored.salvage(_WORKER, row)
    has, unread = found.values, set((found.unreadable or "").split(", "))
    lease = has["lease"]
    # Ticks start again at each boot, so those of different boots cannot be compared.
    same = has["boot"] == boot and not unread & {"boot", "renewed_ticks"}
    silent = ticks - has["renewed_ticks"] if same else max(now - has["renewed_at"], lease + 1)
    return rows.status_of(found, silent)


def overdue(row: tuple[Any, ...], ticks: int, boot: str) -> bool:
    """Whether the lease of a row of ``leases`` is over; one that cannot be read is."""
    _, _, lease, renewed, renewed_boot = row
    if type(lease) is not int or type(renewed) is not int:
        return True
    return bool(renewed_boot != boot or ticks - renewed > lease)


def standing_row(standing: Standing) -> tuple[Any, ...]:
    """Return the parameters of the statement ``schedules_put``."""
    return astuple(standing)[:-1]


def storable(text: str) -> str:
    """Replace lone surrogates, which SQLite refuses; a file name in an error may hold some."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
