"""Schedules and their occurrences, as rows of a table and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from dutiful.cli import render
from dutiful.cli.as_json import time
from dutiful.cli.render import TableColumn
from dutiful.cli.table_rows import state_of
from dutiful.core.instant import MINUTE, SECOND, spell
from dutiful.manage.reading import local, micros, spent

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.text import Text

    from dutiful.core.rule import Rule
    from dutiful.manage.schedule_records import OccurrenceRecord, ScheduleRecord

_LIST = (
    TableColumn("schedule", shrinks=True),
    TableColumn("rule", shrinks=True),
    TableColumn("zone", shrinks=True),
    TableColumn("next"),
    TableColumn("last"),
    TableColumn(""),
)
_HISTORY = (
    TableColumn("planned"),
    TableColumn("late", right=True),
    TableColumn("started", right=True),
    TableColumn("took", right=True),
    TableColumn("state"),
    TableColumn("detail", shrinks=True),
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


_STYLES = {"paused": "yellow", "broken": "bold red", "retired": "bright_black", "ended": "dim"}


def schedules_table(found: Sequence[ScheduleRecord]) -> RenderableType:
    """Lay schedules out, one a line."""
    present = render.now()
    rows: list[list[Text]] = []
    for record in found:
        word, last = record.status, record.last
        rows.append(
            [
                render.line(render.flat(record.name), "bold"),
                render.line("?" if record.rule is None else rule_text(record.rule)),
                render.line(record.zone or ""),
                _next(record, present),
                render.line("" if last is None else render.ago(micros(last), present)),
                render.line("" if word == "active" else word, _STYLES.get(word, "")),
            ]
        )
    return render.table(_LIST, rows)


def _next(record: ScheduleRecord, present: int) -> Text:
    if record.next is None or record.status not in ("active", "paused", "broken"):
        return render.line("")
    at = micros(record.next)
    text = render.ago(at, present)
    if at > present or record.status == "paused":
        return render.line(text)
    return render.line(f"due {text}", "yellow" if overdue(record, present) else "")


def overdue(record: ScheduleRecord, present: int) -> bool:
    """Whether an occurrence has been due for so long that no worker seems to make it."""
    waits = record.next is not None and present - micros(record.next) > MINUTE
    return waits and record.status == "active"


def history_table(rows: Sequence[OccurrenceRecord], zone: str) -> RenderableType:
    """Lay occurrences out, latest first; times in the schedule's zone."""
    lines = [
        [
            render.line(local(micros(row.planned), zone)),
            render.line(_span(row.recorded_at, row.planned) if _made_in_time(row) else ""),
            render.line(_span(row.started_at, row.planned) if _made_in_time(row) else ""),
            render.line(_span(row.finished_at, row.started_at)),
            _state(row),
            render.line(_detail(row), "dim"),
        ]
        for row in rows
    ]
    return render.table(_HISTORY, lines)


def _made_in_time(row: OccurrenceRecord) -> bool:
    """Whether its lateness says something: a backfilled one is late on purpose."""
    return row.job_id is not None and not row.backfilled


def _state(row: OccurrenceRecord) -> Text:
    if row.job_id is None:
        return render.line(row.kind, "yellow")
    return render.line("gone", "dim") if row.state is None else render.state(state_of(row.state))


def _detail(row: OccurrenceRecord) -> str:
    notes = [row.why or ""]
    notes += ["backfilled"] if row.backfilled else []
    notes += [row.job_id[:18]] if row.job_id else []
    return render.flat(", ".join(note for note in notes if note))


def _span(end: datetime | None, start: datetime | None) -> str:
    if end is None or start is None:
        return ""
    span = max(spent(end - start), 0)
    return f"{span / 1000:.0f}ms" if span < SECOND else render.rough(span)


def as_object(record: ScheduleRecord) -> dict[str, Any]:
    """Return a schedule for ``--json``."""
    import msgspec

    schedule = record.definition
    return {
        "name": record.name,
        "status": record.status,
        "app": record.app,
        "next": time(record.next),
        "last": time(record.last),
        "held": time(record.held),
        "occurrences": record.occurrence_count,
        "created_at": time(record.created_at),
        "changed_at": time(record.changed_at),
        "paused_at": time(record.paused_at),
        "retired_at": time(record.retired_at),
        "broken": unread(record) or record.broken,
        "task": record.task,
        "queue": record.queue,
        "args": record.args,
        "zone": record.zone or "",
        "rule": None if record.rule is None else rule_text(record.rule),
        "spec": None if schedule is None else msgspec.to_builtins(schedule),
    }


def unread(record: ScheduleRecord) -> str | None:
    """Say what of a schedule's row cannot be read."""
    return record.unreadable and f"cannot be read, in {record.unreadable}"


def occurrence_object(row: OccurrenceRecord) -> dict[str, Any]:
    """Return an occurrence for ``--json``; spans are seconds."""
    return {
        "planned": time(row.planned),
        "previous": time(row.previous),
        "kind": row.kind,
        "why": row.why,
        "job_id": row.job_id,
        "state": row.state,
        "recorded_at": time(row.recorded_at),
        "started_at": time(row.started_at),
        "finished_at": time(row.finished_at),
        "late": (row.recorded_at - row.planned).total_seconds() if row.job_id else None,
        "backfilled": row.backfilled,
    }
