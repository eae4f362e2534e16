"""``dutiful schedules next``: when a rule or a schedule fires, clock changes pointed out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, datetime, time
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from dutiful.cli import as_json, render
from dutiful.cli.expand import expand
from dutiful.cli.failure import Wrong
from dutiful.cli.options import Common
from dutiful.cli.target import OpenTarget, reach
from dutiful.core.errors import BadOption
from dutiful.core.instant import MINUTE, moment
from dutiful.manage.reading import local

if TYPE_CHECKING:
    from dutiful.core.rule import Rule
    from dutiful.core.schedule import Schedule
    from dutiful.manage.schedule_records import ScheduleRecord

NEXT_MAX = 10_000
_CODE = re.compile(r'datetime\.fromisoformat\("([^"]*)"\)')

What = Annotated[
    str | None,
    typer.Argument(
        metavar="[WHAT]",
        help='A cron expression in quotes, such as "30 1 * * *", or a schedule\'s name.',
    ),
]
Every = Annotated[
    str | None,
    typer.Option("--every", metavar="SPAN", help="A period, such as 10m, in place of WHAT."),
]
Rrule = Annotated[
    str | None,
    typer.Option(
        "--rrule", metavar="RRULE", help="A calendar rule in place of WHAT; --from is its start."
    ),
]
Zone = Annotated[
    str | None,
    typer.Option("--tz", metavar="ZONE", help="The time zone of the rule; by default UTC."),
]
From = Annotated[
    str | None,
    typer.Option(
        "--from",
        metavar="WHEN",
        help="Begin here: 2026-11-01, 2026-11-01T00:00:00-04:00; by default now.",
    ),
]
Count = Annotated[
    int, typer.Option("--count", "-n", min=1, max=NEXT_MAX, help="How many instants.")
]


class Preview(NamedTuple):
    """Planned instants, the zone to show them in, and how their schedule stands in the store."""

    instants: list[int]
    zone: str
    record: ScheduleRecord | None = None


@expand
def next_instants(
    common: Common,
    what: What = None,
    every: Every = None,
    rrule: Rrule = None,
    tz: Zone = None,
    begin: From = None,
    count: Count = 10,
) -> None:
    """Print the next instants of a rule, or of a schedule in the store; nothing is enqueued.

    A rule needs no store and no app. The first instant may be that of --from itself. With --json a
    rule's instants are a list; a schedule's instants are in an object with its status.
    """
    if sum(part is not None for part in (what, every, rrule)) != 1:
        raise Wrong(
            "give one rule or one schedule",
            'such as `dutiful schedules next "30 1 * * *" --tz Europe/Berlin`, --every 10m, '
            "or the name of a schedule",
        )
    from dutiful.core.rule.zone import zone as zone_named

    zone = "UTC" if tz is None else tz
    zone_named(zone)
    if every is not None or rrule is not None or (what is not None and _is_cron(what)):
        rule = _rule(what, every, rrule, zone, begin)
        start = render.now() if begin is None else read_moment(begin, zone, "--from")
        _print(_of_rule(rule, zone, start, count), common, count)
        return

    async def body(opened: OpenTarget) -> None:
        record = await opened.app.schedules.aget(what or "")
        schedule = record.definition
        if schedule is None:
            raise Wrong(f"this version cannot read schedule {record.name}", "upgrade dutiful")
        home = zone if tz is not None else record.zone or "UTC"
        at = render.now() if begin is None else read_moment(begin, home, "--from")
        found = _of_schedule(schedule, home, at, count)._replace(record=record)
        _print(found, common, count)

    reach(common, body)


def _is_cron(text: str) -> bool:
    return " " in text.strip() or text.startswith("@")


def _rule(
    what: str | None, every: str | None, rrule: str | None, zone: str, begin: str | None
) -> Rule:
    from dutiful.core.rule import Calendar, Cron, Interval

    if every is not None:
        return Interval.every(every)
    if rrule is not None:
        from dutiful.core.rule.zone import zone as zone_named

        at = render.now() if begin is None else read_moment(begin, zone, "--from")
        start = moment(at).astimezone(zone_named(zone)).replace(tzinfo=None, microsecond=0, fold=0)
        if begin is not None and (day := read_day(begin)) is not None:
            start = datetime.combine(day, time())  # also where the clocks leave midnight out
        return Calendar(rrule, zone, start)
    return Cron(what or "", zone)


def read_moment(text: str, zone: str, option: str) -> int:
    """Read a moment: a date alone means its first instant; an ambiguous local time is refused."""
    from dutiful.core.instant import local_instant
    from dutiful.core.rule import at_wall, day_of

    if text == "now":
        return render.now()
    day = read_day(text)
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        raise Wrong(
            f"{option} {text!r} is not a time",
            "write now, 2026-11-01, or 2026-11-01T00:00:00-04:00",
        ) from None
    try:
        if day is not None:
            return day_of(zone, day)[0]
        return local_instant(read) if read.tzinfo else at_wall(zone, read)
    except BadOption as error:  # which speaks to who writes Python
        raise Wrong(f"{option}: " + _CODE.sub(r"\1", str(error))) from None


def read_day(text: str) -> date | None:
    """Read a date alone; None for any other text."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _of_rule(rule: Rule, zone: str, start: int, count: int) -> Preview:
    from dutiful.core.rule import between

    return Preview(_known(between(rule, start - 1, 1 << 62, count), start), zone)


def _of_schedule(schedule: Schedule, zone: str, start: int, count: int) -> Preview:
    from dutiful.core.rule import between

    found = between(schedule.rule, start - 1, 1 << 62, count, schedule.bounds)
    return Preview(_known(found, start), zone)


def _known(instants: list[int], start: int) -> list[int]:
    """Refuse years of which the clock changes are not known."""
    from dutiful.core.rule.zone import YEAR_MAX, YEAR_MIN

    year = moment(start).year
    if not instants and not YEAR_MIN <= year < YEAR_MAX:
        raise Wrong(
            f"the clocks of the year {year} are not known",
            f"begin with --from in the years {YEAR_MIN} to {YEAR_MAX - 1}",
        )
    return instants


def _print(preview: Preview, common: Common, count: int) -> None:
    from dutiful.core.rule.zone import zone as zone_named

    zone = zone_named(preview.zone)
    record = preview.record
    if common.json:
        instants = [moment(at).astimezone(zone).isoformat() for at in preview.instants]
        if record is None:
            as_json.emit(instants)
        else:
            about = {"schedule": record.name, "status": record.status}
            as_json.emit({**about, "instants": instants})
        return
    if not preview.instants:
        render.say("It does not fire any more.")
        return
    if record is not None and (hindered := _hindered(record)):
        render.say(hindered, "yellow")
    for line, style in _lines(preview):
        render.say(line, style)
    if len(preview.instants) < count:
        render.say("It does not fire after that.", "dim")


def _hindered(record: ScheduleRecord) -> str:
    """Print why a schedule in the store does not fire at the times of its rule."""
    match record.status:
        case "paused":
            return f"{record.name} is paused: it makes none of these until it is resumed."
        case "retired":
            return f"{record.name} is retired: it makes none of these."
        case "broken":
            return f"{record.name} is broken: `dutiful schedules check` says why."
        case _:
            return ""


def _lines(preview: Preview) -> Iterator[tuple[str, str]]:
    """Write the instants, with each change of the clocks where it falls among them."""
    from dutiful.core.rule import changes
    from dutiful.core.rule.zone import zone as zone_named

    instants, zone, _ = preview
    clock = zone_named(zone)
    marks = changes(zone, instants[0] - 1, instants[-1] + 1)
    for at in instants:
        while marks and marks[0].instant <= at:
            mark = marks.pop(0)
            way = "forward" if mark.after > mark.before else "back"
            minutes = abs(mark.after - mark.before) // MINUTE
            when = local(mark.instant, zone)
            yield f"    the clocks go {way} by {minutes} min: it is then {when}", "yellow"
        yield f"{local(at, zone)}  {moment(at).astimezone(clock):%a}", ""
