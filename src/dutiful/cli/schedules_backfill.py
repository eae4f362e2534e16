"""``dutiful schedules backfill``: enqueueing what should have run in a stretch of the past."""

from __future__ import annotations

from typing import Annotated

import typer

from dutiful.cli import as_json, bulk, render
from dutiful.cli import schedule_rows as rows
from dutiful.cli.expand import expand
from dutiful.cli.failure import Wrong
from dutiful.cli.options import BULK, Common, DryRun, Yes
from dutiful.cli.schedules import Name
from dutiful.cli.schedules_next import read_moment
from dutiful.cli.target import Opened, reach

From = Annotated[
    str, typer.Option("--from", metavar="WHEN", help="The first instant, in the schedule's zone.")
]
To = Annotated[str, typer.Option("--to", metavar="WHEN", help="The last instant, included.")]
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
        start, end = read_moment(begin, zone, "--from"), read_moment(to, zone, "--to")
        if end < start:
            raise Wrong("--to is before --from", "turn them round")
        if end > render.now():
            raise Wrong("--to lies in the future", "the schedule itself makes what is to come")
        stretch = Backfill(start=start, end=end, per_second=per_second)
        planned = instants(schedule, stretch)
        if dry_run or not planned:
            _tell_plan(planned, zone, common)
            return
        if not yes and not common.json:
            many = render.plural(len(planned), "instant")
            typer.confirm(f"Backfill {many} of {name}?", abort=True)
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


def _tell_plan(planned: tuple[int, ...], zone: str, common: Common) -> None:
    if common.json:
        as_json.emit({"planned": len(planned), "enqueued": 0, "dry_run": True})
    elif planned:
        first, last = rows.local(planned[0], zone), rows.local(planned[-1], zone)
        render.say(f"{render.plural(len(planned), 'instant')} from {first} to {last}.")
    else:
        render.say("The schedule has no instant in that stretch.")
