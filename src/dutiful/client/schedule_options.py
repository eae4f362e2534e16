"""What ``@app.cron``, ``@app.every`` and ``@app.schedule`` take, checked where it is written."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from time import time_ns
from types import FunctionType
from typing import Any, TypedDict

from msgspec.structs import replace

from dutiful.core.bare import bare_text
from dutiful.core.errors import BadArguments, BadOption, BadSchedule
from dutiful.core.instant import local_instant, span, spell
from dutiful.core.rule import Calendar, Cron, Dates, Interval, Rule, RuleBounds, endless_and_empty
from dutiful.core.rule.interval import PERIOD_MIN
from dutiful.core.schedule import (
    MISFIRES,
    OVERLAPS,
    Misfire,
    Overlap,
    Schedule,
    longest_job_of,
    schedule_name,
    zone_of,
)
from dutiful.core.text import shown, visible
from dutiful.core.unique import Unique

from .options import Span, known, refine
from .task import BoundTask

MADE_UP_MAX = 1000


class ScheduleOptions(TypedDict, total=False):
    """The options of a schedule."""

    name: str
    args: Sequence[Any] | Mapping[str, Any]
    queue: str
    priority: int
    tags: tuple[str, ...] | list[str]
    meta: dict[str, str]
    unique: str | Unique | bool | None
    expires_in: Span | None
    start: datetime | None
    end: datetime | None
    exclude: date | str | Sequence[date | str] | None
    jitter: Span
    misfire: Misfire
    misfire_max: int
    misfire_window: Span | None
    late_after: Span
    overlap: Overlap
    start_within: Span | None
    finish_within: Span | None


def _called(task: object) -> str:
    """Name what was given for a task, a function by its name."""
    return visible(task.__qualname__) if isinstance(task, FunctionType) else shown(task)


_RULES = (Cron, Interval, Calendar, Dates)
_OF_THE_JOB = ("queue", "priority", "tags", "meta", "expires_in", "unique")


def schedule_of(
    task: BoundTask[..., Any], rule: Rule, given: ScheduleOptions, app: str | None = None
) -> Schedule:
    """Build a schedule from what a person wrote; raises BadOption and BadArguments."""
    if not isinstance(task, BoundTask):  # pyright: ignore[reportUnnecessaryIsInstance] - untyped
        raise BadOption(f"{_called(task)} is not a task; write @app.cron(...) above @app.task")
    if type(rule) not in _RULES:
        raise BadOption(
            f"{shown(rule)} is not a rule; give Cron(...), Interval(...), Calendar(...) or "
            "Dates(...)"
        )
    known(given, ScheduleOptions.__annotations__, "a schedule")
    of_job = {key: value for key, value in given.items() if key in _OF_THE_JOB}
    options = refine(task.options, of_job)
    ruled: BoundTask[..., Any] = BoundTask(task.enqueuer, task.spec, task.signature, options)
    if type(rule) is Interval and rule.period < PERIOD_MIN:
        raise BadSchedule(f"a period of {rule.period} us; the shortest is {spell(PERIOD_MIN)}")
    args = given.get("args", ())
    _refuse_single(args)
    named: Mapping[str, Any] = args if isinstance(args, Mapping) else {}
    positional = () if isinstance(args, Mapping) else tuple(args)
    try:
        raw = task.signature.encode(positional, named, task.app.settings.payload_bytes_max)
    except BadArguments as error:
        if "args" not in given:
            error.add_note("give the schedule the task's arguments: args=(1,) or args={'n': 1}")
        raise
    schedule = Schedule(
        name=schedule_name(given.get("name", task.spec.name)),
        task=task.spec.name,
        rule=rule,
        args=raw.decode(),
        queue=options.queue,
        priority=options.priority,
        max_attempts=options.max_attempts,
        expires_in=options.expires_in,
        tags=options.tags,
        meta={**options.meta, **task.signature.marks},
        unique=ruled.unique_rule(positional, named, raw),
        app=app,
    )
    longest_job_of(schedule)
    changes = {name: _checked(name, value) for name, value in given.items() if name in _CHECKS}
    bounds = _bounds(given, rule)
    if endless_and_empty(rule, time_ns() // 1000, bounds):
        raise BadSchedule(
            f"schedule {schedule.name!r} never fires: exclude={shown(given.get('exclude'))} leaves "
            "out all of its days"
        )
    return replace(schedule, bounds=bounds, **changes)


def _refuse_single(args: object) -> None:
    if not isinstance(args, Mapping | list | tuple):
        raise BadOption(
            f"args={shown(args)}; write a tuple, such as args=({shown(args)},), or a dict by names"
        )


def _refuse_other(excluded: object) -> None:
    if not isinstance(excluded, date | str | list | tuple | set | frozenset):
        raise BadOption(f"exclude={shown(excluded)}; give dates, and names of holiday calendars")


def _bounds(given: ScheduleOptions, rule: Rule) -> RuleBounds:
    """Join start, end and what is excluded: dates, and holiday calendars by their names."""
    excluded: Any = given.get("exclude") or ()
    _refuse_other(excluded)
    parts: list[Any] = [excluded] if isinstance(excluded, date | str) else list(excluded)
    # A datetime is a date to Python, and would never equal one.
    if wrong := [one for one in parts if not isinstance(one, str) and type(one) is not date]:
        raise BadOption(f"exclude={shown(wrong[0])}; give dates, and names of holiday calendars")
    return RuleBounds(
        start=_moment("start", given.get("start")),
        end=_moment("end", given.get("end")),
        days=tuple(sorted(part for part in parts if isinstance(part, date))),
        holidays=tuple(part for part in parts if isinstance(part, str)),
        zone=zone_of(rule) or "UTC",
    )


def _moment(name: str, value: datetime | None) -> int | None:
    try:
        return None if value is None else local_instant(value)
    except BadOption as error:
        raise BadOption(f"{name}: {error}") from error


def _checked(name: str, value: Any) -> Any:
    try:
        return _CHECKS[name](value)
    except BadOption as error:
        raise BadOption(f"{name}: {error}" if name not in str(error) else str(error)) from error


def _maybe(value: Span | None) -> int | None:
    return None if value is None else span(value)


def _one_of(name: str, words: Sequence[str]) -> Callable[[Any], str]:
    def check(value: Any) -> str:
        text = bare_text(value) if isinstance(value, str) else None
        if text is None or text not in words:
            raise BadOption(f"{name}={shown(value)}; choose one of {', '.join(words)}")
        return text

    return check


def _many(value: Any) -> int:
    if type(value) is not int or not 1 <= value <= MADE_UP_MAX:
        raise BadOption(f"misfire_max={shown(value)}; use 1 to {MADE_UP_MAX}")
    return value


_CHECKS: dict[str, Callable[[Any], Any]] = {
    "jitter": span,
    "misfire": _one_of("misfire", MISFIRES),
    "misfire_max": _many,
    "misfire_window": _maybe,
    "late_after": span,
    "overlap": _one_of("overlap", OVERLAPS),
    "start_within": _maybe,
    "finish_within": _maybe,
}
