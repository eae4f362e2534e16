"""``dutiful schedules list`` and ``show``: looking at schedules and their history."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from dutiful.cli import as_json, render
from dutiful.cli import schedule_rows as rows
from dutiful.cli.expand import expand
from dutiful.cli.options import BULK, Common
from dutiful.cli.target import OpenTarget, reach
from dutiful.core.instant import spell
from dutiful.manage.reading import local, micros

if TYPE_CHECKING:
    from rich.console import RenderableType

    from dutiful.core.schedule import Schedule
    from dutiful.manage.schedule_records import ScheduleRecord

Name = Annotated[str, typer.Argument(metavar="NAME", help="The schedule's name.")]
Count = Annotated[
    int,
    typer.Option("--limit", "-n", min=1, max=1000, help="How many.", rich_help_panel=BULK),
]


@expand
def list_schedules(common: Common) -> None:
    """List schedules: their rules, when they fire next, and which are paused or broken."""

    async def body(opened: OpenTarget) -> None:
        found = [one async for one in opened.app.schedules.aiterate()]
        if common.json:
            as_json.emit([rows.as_object(one) for one in found])
        elif found:
            render.show(rows.schedules_table(found))
            if any(rows.overdue(one, render.now()) for one in found):
                render.say("\nSome are overdue. Does a worker run? See `dutiful schedules check`.")
        else:
            render.say(
                f"No schedules in {opened.url} yet. Declare one with @app.cron(...) and start a "
                "worker, or see `dutiful schedules create --help`."
            )

    reach(common, body)


@expand
def show_schedule(name: Name, common: Common, limit: Count = 10) -> None:
    """Show a schedule and the outcome of its latest occurrences."""

    async def body(opened: OpenTarget) -> None:
        record = await opened.app.schedules.aget(name)
        history = await opened.app.schedules.ahistory(name, limit)
        if common.json:
            found = [rows.occurrence_object(row) for row in history]
            as_json.emit({**rows.as_object(record), "history": found})
            return
        render.show(*_card(record))
        if not history:
            render.say("\nNo occurrence yet.", "dim")
            return
        render.say("")
        render.show(rows.history_table(history, record.zone or "UTC"))

    reach(common, body)


def _card(record: ScheduleRecord) -> Iterator[RenderableType]:
    from rich.table import Table
    from rich.text import Text

    word = record.status
    yield Text.assemble(
        (render.flat(record.name), "bold"), "  ", (word, "green" if word == "active" else "")
    )
    facts = [(name, text) for name, text in _facts(record) if text]
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, text in facts:
        grid.add_row(f"  {name}", Text(render.flat(text)))
    yield grid


def _facts(record: ScheduleRecord) -> Iterator[tuple[str, str]]:
    present, zone, schedule = render.now(), record.zone or "UTC", record.definition
    if schedule is not None:
        yield "rule", rows.rule_text(schedule.rule)
        yield "zone", record.zone or ""
        yield "task", f"{schedule.task}  {schedule.args}"
        yield "queue", schedule.queue
        yield "misfire", schedule.misfire
        yield "overlap", schedule.overlap
        yield "unique key", "" if schedule.unique is None else schedule.unique.key
        yield "jitter", spell(schedule.jitter) if schedule.jitter else ""
        yield from _bounds(schedule, zone)
    yield "declared by", record.app or ""
    for name, time in (("next", record.next), ("last", record.last), ("held", record.held)):
        at = None if time is None else micros(time)
        yield name, "" if at is None else f"{local(at, zone)}  ({render.ago(at, present)})"
    yield "made", render.plural(record.occurrence_count, "occurrence")
    yield "trouble", rows.unread(record) or record.broken or ""


def _bounds(schedule: Schedule, zone: str) -> Iterator[tuple[str, str]]:
    bounds = schedule.bounds
    yield "from", "" if bounds.start is None else local(bounds.start, zone)
    yield "until", "" if bounds.end is None else local(bounds.end, zone)
    days = [day.isoformat() for day in bounds.days]
    yield "not on", ", ".join([*days, *(f"holidays of {name}" for name in bounds.holidays)])
