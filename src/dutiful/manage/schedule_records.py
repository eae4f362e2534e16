"""What ``app.schedules`` returns: where a schedule stands, and what became of an occurrence."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Literal

import msgspec

from dutiful.core.errors import BadSchedule
from dutiful.core.occurrence import Kind, Recorded, Standing
from dutiful.core.redaction import MARKS, masked_args, of_args, paths_of, secrets_of
from dutiful.core.rule import Rule
from dutiful.core.schedule import Misfire, Overlap, Schedule, read, zone_of

from .reading import length, value, when
from .records import JobState, word_of

Status = Literal["active", "paused", "broken", "retired", "ended"]


class ScheduleRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A schedule as it stood when it was looked up.

    What its definition says is None where this version cannot read it.
    """

    name: str
    status: Status
    """``retired`` when its app stopped declaring it, ``ended`` when it never fires again."""
    app: str | None
    """The app that declares it in code; None for one that was created at run time."""
    task: str | None
    queue: str | None
    args: Any
    """The arguments of its jobs by name, as plain JSON."""
    rule: Rule | None
    zone: str | None
    """The time zone of its rule, where that is written on local clocks."""
    misfire: Misfire | None
    overlap: Overlap | None
    jitter: timedelta | None
    next: datetime | None
    """The next planned instant."""
    last: datetime | None
    """The latest planned instant that was dealt with."""
    held: datetime | None
    """An occurrence that waits for the job before it to end."""
    occurrence_count: int
    """How many occurrences were recorded."""
    created_at: datetime
    changed_at: datetime
    paused_at: datetime | None
    retired_at: datetime | None
    broken: str | None
    """Why it could not go on, when it last failed, or why its definition cannot be read."""
    unreadable: str | None
    """The names of columns that cannot be read."""
    definition: Schedule | None
    """All that was declared: instants and spans are microseconds, sensitive values are ``***``."""


class OccurrenceRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one occurrence."""

    schedule: str
    number: int
    planned: datetime
    previous: datetime | None
    """The planned instant before it."""
    kind: Kind
    """``enqueued``, ``skipped`` by a rule, or ``missed``."""
    why: str | None
    """Why it has no job, or was not made at its time by its rule."""
    job_id: str | None
    state: JobState | None
    """Its job's state; None without a job, or when it was purged before it ended."""
    recorded_at: datetime
    """When it was enqueued, or found to have no job."""
    backfilled: bool
    start_by: datetime | None
    finish_by: datetime | None
    started_at: datetime | None
    finished_at: datetime | None


def definition_of(standing: Standing) -> Schedule | None:
    """Read what was declared; None where this version cannot."""
    known = _read(standing.spec)
    return known if isinstance(known, Schedule) else None


def unread_of(standing: Standing) -> str | None:
    """Say why this version cannot read what was declared; None where it can."""
    known = _read(standing.spec)
    return known if isinstance(known, str) else None


def _read(spec: bytes) -> Schedule | str:
    try:
        return read(spec)
    except BadSchedule as error:
        return str(error)


def _shown(known: Schedule | None) -> Schedule | None:
    """Return what was declared with ``***`` for what its task marks as sensitive."""
    if known is None or MARKS not in known.meta:
        return known
    raw = known.args.encode()
    paths, hidden = paths_of(known.meta), secrets_of(raw, known.meta)
    unique = known.unique
    if unique is not None:
        unique = msgspec.structs.replace(unique, key=hidden.hide(unique.key))
    return msgspec.structs.replace(
        known,
        args=msgspec.json.encode(masked_args(value(raw), of_args(paths))).decode(),
        unique=unique,
        tags=hidden.hide_in(known.tags),
        meta={name: hidden.hide(text) for name, text in known.meta.items() if name != MARKS},
    )


def schedule_record(row: Standing) -> ScheduleRecord:
    """Read where a schedule stands."""
    known = _shown(definition_of(row))
    return ScheduleRecord(
        name=row.name,
        status=_status(row, known),
        app=row.app,
        task=None if known is None else known.task,
        queue=None if known is None else known.queue,
        args=None if known is None else value(known.args.encode()),
        rule=None if known is None else known.rule,
        zone=None if known is None else zone_of(known.rule),
        misfire=None if known is None else known.misfire,
        overlap=None if known is None else known.overlap,
        jitter=None if known is None else length(known.jitter),
        next=when(row.next),
        last=when(row.last),
        held=when(row.held),
        occurrence_count=row.number,
        created_at=when(row.created_at),
        changed_at=when(row.changed_at),
        paused_at=when(row.paused_at),
        retired_at=when(row.retired_at),
        broken=row.broken or unread_of(row),
        unreadable=row.unreadable,
        definition=known,
    )


def occurrence_record(row: Recorded) -> OccurrenceRecord:
    """Read what became of an occurrence."""
    return OccurrenceRecord(
        schedule=row.schedule,
        number=row.number,
        planned=when(row.planned),
        previous=when(row.previous),
        kind=row.kind,
        why=row.why,
        job_id=row.job_id,
        state=None if row.state is None else word_of(row.state),
        recorded_at=when(row.recorded_at),
        backfilled=row.backfilled,
        start_by=when(row.start_by),
        finish_by=when(row.finish_by),
        started_at=when(row.started_at),
        finished_at=when(row.finished_at),
    )


def _status(standing: Standing, known: Schedule | None) -> Status:
    if standing.unreadable is not None:
        return "broken"
    if standing.retired_at is not None:
        return "retired"
    if standing.paused_at is not None:
        return "paused"
    if standing.broken is not None or known is None:
        return "broken"
    return "active" if standing.next is not None or standing.held is not None else "ended"
