"""Schedules and their occurrences, as rows of a table and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from dutiful.cli import render
from dutiful.cli.as_json import iso
from dutiful.cli.render import Column
from dutiful.core.instant import MINUTE, SECOND, moment, spell
from dutiful.core.instant import iso as instant_text
from dutiful.manage.reading import value

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.text import Text

    from dutiful.core.occurrence import Recorded, Standing
    from dutiful.core.rule import Rule
    from dutiful.core.schedule import Schedule

_LIST = (
    Column("schedule", shrinks=True),
    Column("rule", shrinks=True),
    Column("zone", shrinks=True),
    Column("next"),
    Column("last"),
    Column(""),
)
_HISTORY = (
    Column("planned"),
    Column("late", right=True),
    Column("started", right=True),
    Column("took", right=True),
    Column("state"),
    Column("detail", shrinks=True),
)


def rule_text(rule: Rule) -> str:
    """Write a rule as a person would say it."""
    from dutiful.core.rule import Calendar, Cron, Interval

    match rule:
        case Cron():
            return rule.expression
        case Interval():
            return f"every {spell(rule.period)}"
        case Calendar():
            return rule.rrule
        case _:
            return render.plural(len(rule.instants), "date")


def zone_text(rule: Rule) -> str:
    """Name the zone of a rule; nothing for one that needs none."""
    from dutiful.core.schedule import zone_of

    return zone_of(rule) or ""


def known(standing: Standing) -> Schedule | None:
    """Read a schedule's spec; None when this version cannot."""
    from dutiful.core.errors import BadSchedule
    from dutiful.core.schedule import read

    try:
        return read(standing.spec)
    except BadSchedule:
        return None


def status(standing: Standing) -> str:
    """Say in a word how a schedule stands."""
    if standing.unreadable is not None:
        return "broken"
    if standing.retired_at is not None:
        return "retired"
    if standing.paused_at is not None:
        return "paused"
    if standing.broken is not None:
        return "broken"
    return "active" if standing.next is not None or standing.held is not None else "ended"


_STYLES = {"paused": "yellow", "broken": "bold red", "retired": "bright_black", "ended": "dim"}


def standings_table(standings: Sequence[Standing]) -> RenderableType:
    """Lay schedules out, one a line."""
    present = render.now()
    rows: list[list[Text]] = []
    for standing in standings:
        schedule, word = known(standing), status(standing)
        rows.append(
            [
                render.line(render.flat(standing.name), "bold"),
                render.line("?" if schedule is None else rule_text(schedule.rule)),
                render.line("" if schedule is None else zone_text(schedule.rule)),
                _next(standing, word, present),
                render.line("" if standing.last is None else render.ago(standing.last, present)),
                render.line("" if word == "active" else word, _STYLES.get(word, "")),
            ]
        )
    return render.table(_LIST, rows)


def _next(standing: Standing, word: str, present: int) -> Text:
    if standing.next is None or word not in ("active", "paused", "broken"):
        return render.line("")
    text = render.ago(standing.next, present)
    if standing.next > present or word == "paused":
        return render.line(text)
    return render.line(f"due {text}", "yellow" if overdue(standing, present) else "")


def overdue(standing: Standing, present: int) -> bool:
    """Whether an occurrence has been due for so long that nobody seems to make it."""
    waits = standing.next is not None and present - standing.next > MINUTE
    return waits and status(standing) == "active"


def history_table(rows: Sequence[Recorded], zone: str) -> RenderableType:
    """Lay occurrences out, latest first; times in the schedule's zone."""
    lines = [
        [
            render.line(local(row.planned, zone)),
            render.line(_span(row.recorded_at, row.planned) if _made_in_time(row) else ""),
            render.line(_span(row.started_at, row.planned) if _made_in_time(row) else ""),
            render.line(_span(row.finished_at, row.started_at)),
            _state(row),
            render.line(_detail(row), "dim"),
        ]
        for row in rows
    ]
    return render.table(_HISTORY, lines)


def _made_in_time(row: Recorded) -> bool:
    """Whether its lateness says something: a backfilled one is late on purpose."""
    return row.job_id is not None and not row.backfilled


def _state(row: Recorded) -> Text:
    if row.job_id is None:
        return render.line(row.kind, "yellow")
    return render.line("gone", "dim") if row.state is None else render.state(row.state)


def _detail(row: Recorded) -> str:
    notes = [row.why or ""]
    notes += ["backfilled"] if row.backfilled else []
    notes += [row.job_id[:18]] if row.job_id else []
    return render.flat(", ".join(note for note in notes if note))


def _span(end: int | None, start: int | None) -> str:
    if end is None or start is None:
        return ""
    span = max(end - start, 0)
    return f"{span / 1000:.0f}ms" if span < SECOND else render.rough(span)


def local(at: int, zone: str) -> str:
    """Write an instant on the clocks of a zone, with the offset."""
    from dutiful.core.errors import BadSchedule
    from dutiful.core.rule.zone import zone as zone_named

    try:
        text = moment(at).astimezone(zone_named(zone))
    except (OverflowError, ValueError, BadSchedule):  # beyond the calendar, or no known zone
        return instant_text(at)
    places = "milliseconds" if at % SECOND else "seconds"
    return text.isoformat(" ", places)


def as_object(standing: Standing) -> dict[str, Any]:
    """Return a schedule for ``--json``."""
    import msgspec

    schedule = known(standing)
    spec = None if schedule is None else msgspec.to_builtins(schedule)
    return {
        "name": standing.name,
        "status": status(standing),
        "app": standing.app,
        "next": iso(standing.next),
        "last": iso(standing.last),
        "held": iso(standing.held),
        "occurrences": standing.number,
        "created_at": iso(standing.created_at),
        "changed_at": iso(standing.changed_at),
        "paused_at": iso(standing.paused_at),
        "retired_at": iso(standing.retired_at),
        "broken": unread(standing) or standing.broken,
        "task": None if schedule is None else schedule.task,
        "queue": None if schedule is None else schedule.queue,
        "args": None if schedule is None else value(schedule.args.encode()),
        "zone": "" if schedule is None else zone_text(schedule.rule),
        "rule": None if schedule is None else rule_text(schedule.rule),
        "spec": spec,
    }


def unread(standing: Standing) -> str | None:
    """Say what of a schedule's row cannot be read."""
    return standing.unreadable and f"cannot be read, in {standing.unreadable}"


def occurrence_object(row: Recorded) -> dict[str, Any]:
    """Return an occurrence for ``--json``; spans are seconds."""
    return {
        "planned": iso(row.planned),
        "previous": iso(row.previous),
        "kind": row.kind,
        "why": row.why,
        "job_id": row.job_id,
        "state": None if row.state is None else row.state.word,
        "recorded_at": iso(row.recorded_at),
        "started_at": iso(row.started_at),
        "finished_at": iso(row.finished_at),
        "late": (row.recorded_at - row.planned) / SECOND if row.job_id else None,
        "backfilled": row.backfilled,
    }
