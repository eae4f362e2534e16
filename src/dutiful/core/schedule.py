"""A schedule: the rule that says when, the job to enqueue, and what holds when time slipped by."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Literal

import msgspec

from .admission import admitted
from .bare import bare_text
from .errors import BadOption, BadSchedule
from .instant import CALENDAR_FIRST, CALENDAR_LAST, EARLIEST, MINUTE
from .job import NewJob
from .rule import Calendar, Cron, Rule, RuleBounds, after, before_or_at, jittered
from .text import shown
from .unique import Unique

Misfire = Literal["skip", "once", "all"]
Overlap = Literal["allow", "skip", "queue-one", "cancel-running"]
MISFIRES: tuple[Misfire, ...] = ("skip", "once", "all")
OVERLAPS: tuple[Overlap, ...] = ("allow", "skip", "queue-one", "cancel-running")

_NAME = re.compile(r"[A-Za-z0-9_.\-]{1,100}")


class Former(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """When a schedule fired before it was changed; the fields are those of `Schedule`."""

    until: int
    """The change: what was planned by then goes by this, and nothing after it."""
    rule: Rule
    bounds: RuleBounds
    misfire: Misfire
    misfire_max: int
    misfire_window: int | None
    late_after: int
    former: Former | None = None
    """What was in force before that, if some of its instants were not dealt with either."""


class Schedule(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is stored of a schedule as plain data; instants and spans are microseconds."""

    name: str
    task: str
    rule: Rule
    args: str = "{}"
    """JSON by the names of the task's parameters."""
    queue: str = "default"
    priority: int = 0
    max_attempts: int = 20
    expires_in: int | None = None
    tags: tuple[str, ...] = ()
    meta: dict[str, str] = {}
    unique: Unique | None = None
    """Which key each job holds; an occurrence gives way to the job that holds it."""
    bounds: RuleBounds = RuleBounds()
    """Start, end and the days that are left out."""
    jitter: int = 0
    """A job is due up to so much after its planned instant, always as much for that instant."""
    misfire: Misfire = "once"
    misfire_max: int = 100
    """How many misfires ``all`` makes up for: the newest."""
    misfire_window: int | None = None
    """Misfires older than this are not made up for."""
    late_after: int = MINUTE
    """An occurrence that no worker enqueued within this time is a misfire."""
    overlap: Overlap = "allow"
    start_within: int | None = 10 * MINUTE
    """From the planned instant; a job that has not started by then makes an event."""
    finish_within: int | None = None
    app: str | None = None
    """The app that declares it in code; None for one that was created at run time."""
    former: Former | None = None
    """Only in a store: by what those instants go that were due when it was changed."""
    born: int | None = None
    """Only in a store: when it was made there. Part of its occurrences' ids, so that a schedule
    that is made again under the name of a deleted one has jobs of its own."""


def schedule_name(name: object) -> str:
    """Return the name, or refuse it: letters, digits, ``_``, ``.`` and ``-``, 1 to 100 of them."""
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise BadOption(
            f"schedule name {shown(name)}; use 1 to 100 letters, digits, '_', '.' or '-'"
        )
    return bare_text(name)


def written(schedule: Schedule) -> bytes:
    """Write a schedule as JSON; the same schedule gives the same bytes."""
    return msgspec.json.encode(schedule, order="deterministic")


class _Life(msgspec.Struct, frozen=True):
    born: int | None = None


def born_of(spec: bytes) -> int | None:
    """Return when a stored schedule was made, also where this version cannot read its rule."""
    try:
        return msgspec.json.decode(spec, type=_Life).born
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None


class Owned(msgspec.Struct, frozen=True):
    """The name and the owner of a schedule, which every version writes into the spec."""

    name: str
    app: str | None = None


def owned(spec: bytes) -> Owned | None:
    """Return the name and the owner in a stored spec; None where another program wrote it."""
    try:
        return msgspec.json.decode(spec, type=Owned)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None


@lru_cache(maxsize=20_000)
def read(spec: bytes) -> Schedule:
    """Read what `written` wrote; BadSchedule when this version cannot.

    That includes numbers that only another program can have written: no date or store holds them.
    """
    try:
        found = msgspec.json.decode(spec, type=Schedule)
        part: Schedule | Former | None = found
        while part is not None:
            _refuse_extremes(part)
            part = part.former
    except (msgspec.MsgspecError, ValueError, ArithmeticError, RecursionError) as error:
        raise BadSchedule(f"the stored schedule cannot be read: {error}") from error
    return found


def _refuse_extremes(part: Schedule | Former) -> None:
    """Raise ValueError for a number that is far beyond what anything of its kind can be."""
    for fields, least, most in _REACH:
        for name in fields:
            value: int | None = getattr(part, name, None)
            if value is not None and not least <= value <= most:
                raise ValueError(f"{name}={shown(value)} is out of range")
    for name, at in (("start", part.bounds.start), ("end", part.bounds.end)):
        if at is not None and not EARLIEST <= at <= CALENDAR_LAST:
            raise ValueError(f"{name}={shown(at)} is out of range")


_SPANS = ("expires_in", "jitter", "misfire_window", "late_after", "start_within", "finish_within")
_REACH = (
    (_SPANS, 0, CALENDAR_LAST),
    (("until", "born"), CALENDAR_FIRST, CALENDAR_LAST),
    (("priority", "max_attempts", "misfire_max"), -(2**31), 2**31 - 1),
)
"""Which numbers of a stored schedule are believed; a job that is made is checked more narrowly."""


def planned_after(schedule: Schedule, instant: int) -> int | None:
    """Return the first planned instant strictly after, None when there is none."""
    return after(schedule.rule, instant, schedule.bounds)


def planned_before_or_at(schedule: Schedule, instant: int) -> int | None:
    """Return the latest planned instant that is not after ``instant``."""
    return before_or_at(schedule.rule, instant, schedule.bounds)


def planned_between(schedule: Schedule, start: int, end: int) -> Iterator[int]:
    """Yield the planned instants from ``start`` to ``end``, both included."""
    found = planned_after(schedule, start - 1)
    while found is not None and found <= end:
        yield found
        found = planned_after(schedule, found)


def zone_of(rule: Rule) -> str | None:
    """Return the zone on whose clocks a rule is written, None for one that needs none."""
    return rule.zone if isinstance(rule, Cron | Calendar) else None


def occurrence_id(name: str, planned: int, born: int | None = None) -> str:
    """Return the id of an occurrence's job: the same for every worker, so it is stored once.

    ``born`` is the schedule's; those that older releases made have none.

    A UUID of version 8 (RFC 9562) that begins with the planned millisecond, as those of version 7
    begin with the time.
    """
    life = "" if born is None else f"\x1f{born}"
    digest = hashlib.sha256(f"{name}\x1f{planned}{life}".encode()).digest()
    head = (max(planned, 0) // 1000) & ((1 << 48) - 1)
    tail = int.from_bytes(digest[:10], "big")
    number = (head << 80) | tail
    number = number & ~(0xF << 76) | (0x8 << 76)
    number = number & ~(0x3 << 62) | (0x2 << 62)
    text = f"{number:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def longest_job_of(schedule: Schedule) -> NewJob:
    """Build an occurrence's job with all that may be attached to one; BadOption where none fits.

    What is refused here would be accepted with the schedule, and fail at each of its occurrences.
    """
    try:
        return job_of(schedule, EARLIEST, EARLIEST, backfilled=True)
    except BadOption as error:
        kept = ", with what an occurrence's job is given besides" if "meta" in str(error) else ""
        raise BadOption(f"schedule {schedule.name!r}: {error}{kept}") from None


def job_of(schedule: Schedule, planned: int, previous: int | None, *, backfilled: bool) -> NewJob:
    """Build the job of an occurrence; BadOption when the stored schedule asks for no such job."""
    meta = {**schedule.meta, "schedule": schedule.name, "planned": str(planned)}
    if previous is not None:
        meta["previous"] = str(previous)
    if (zone := zone_of(schedule.rule)) is not None:
        meta["zone"] = zone
    if backfilled:
        meta["backfilled"] = "yes"
    due = jittered(schedule.name, planned, schedule.jitter)
    job = NewJob(
        id=occurrence_id(schedule.name, planned, schedule.born),
        task=schedule.task,
        args=schedule.args.encode(),
        queue=schedule.queue,
        priority=schedule.priority,
        max_attempts=schedule.max_attempts,
        run_at=due if due > planned and not backfilled else None,
        expires_in=schedule.expires_in,
        tags=schedule.tags,
        meta=meta,
        unique=schedule.unique,
    )
    return admitted(job)
