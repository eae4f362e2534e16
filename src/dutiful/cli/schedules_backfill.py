"""``dutiful schedules backfill``: enqueueing what should have run in a stretch of the past."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Annotated

import typer

from dutiful.cli import as_json, bulk, render
from dutiful.cli import schedule_rows as rows
from dutiful.cli.expand import expand
from dutiful.cli.failure import Wrong
from dutiful.cli.options import BULK, Common, DryRun, Yes
from dutiful.cli.prompt import ask
from dutiful.cli.schedules import Name
from dutiful.cli.schedules_next import read_moment
from dutiful.cli.target import Opened, reach
from dutiful.core.instant import instant
from dutiful.core.rule.zone import zone as zone_named

From = Annotated[
    str, typer.Option("--from", metavar="WHEN", help="The first instant, in the schedule's zone.")
]
To = Annotated[
    str,
    typer.Option(
        "--to", metavar="WHEN", help="The last instant, included; a date alone is all of that day."
    ),
]
Rate = Annotated[
    str,
    typer.Option(
        "--rate",
        metavar="RATE",
        help="How fast the jobs become due: 10/s, 100/m, or all.",
        rich_help_panel=BULK,
    ),
]


@expand
def backfill_schedule(
    name: Name,
    begin: From,
    to: To,
    common: Common,
    rate: Rate = "10/s",
    dry_run: DryRun = False,
    yes: Yes = False,
) -> None:
    """Enqueue the occurrences of a stretch that were never made; run twice, it adds nothing.

    Each job sees its own planned instant, and that it was backfilled.
    """
    per_second = None if rate == "all" else bulk.read_rate(rate)

    async def body(opened: Opened) -> None:
        from dutiful.client.backfill import Backfill, instants

        standing = await opened.app.schedules.aget(name)
        schedule = rows.known(standing)
        if schedule is None:
            raise Wrong(f"this version cannot read schedule {name}", "upgrade dutiful")
        zone = rows.zone_text(schedule.rule) or "UTC"
        start, end = read_moment(begin, zone, "--from"), _last(to, zone)
        if end < start:
            raise Wrong("--to is before --from", "turn them round")
        stretch = Backfill(start=start, end=end, per_second=per_second)
        planned = instants(schedule, stretch)
        if dry_run or not planned:
            _tell_plan(planned, zone, common, dry_run=dry_run)
            return
        if not yes:
            many = f"{render.plural(len(planned), 'instant')} of {name}"
            ask(
                f"Backfill {many}?",
                f"{many} would be backfilled",
                as_json=common.json,
                advice=bulk.LOOK_FIRST,
            )
        with bulk.bar(None if common.json else "backfill", len(planned)) as advance:
            told = 0

            def progress(done: int, total: int) -> None:
                nonlocal told
                advance(done - told)
                told = done

            made = await opened.app.schedules.abackfill(name, stretch, progress)
        if common.json:
            as_json.emit({"planned": len(planned), "enqueued": made, "dry_run": False})
        else:
            there = len(planned) - made
            render.say(f"{render.plural(made, 'job')} enqueued, {there:,} were there already.")

    reach(common, body)


def _last(text: str, zone: str) -> int:
    """Read --to; a date alone is all of that day, as far as it has passed."""
    at, present = read_moment(text, zone, "--to"), render.now()
    if at > present:
        raise Wrong("--to lies in the future", "the schedule itself makes what is to come")
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return at
    midnight = datetime.combine(day + timedelta(days=1), time(), zone_named(zone))
    return min(instant(midnight) - 1, present)


def _tell_plan(planned: tuple[int, ...], zone: str, common: Common, *, dry_run: bool) -> None:
    if common.json:
        as_json.emit({"planned": len(planned), "enqueued": 0, "dry_run": dry_run})
    elif planned:
        first, last = rows.local(planned[0], zone), rows.local(planned[-1], zone)
        render.say(f"{render.plural(len(planned), 'instant')} from {first} to {last}.")
    else:
        render.say("The schedule has no instant in that stretch.")
