"""``dutiful schedules backfill``: enqueueing what should have run in a past time range."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from dutiful.cli import as_json, bulk, render
from dutiful.cli.expand import expand
from dutiful.cli.failure import Wrong
from dutiful.cli.options import BULK, Common, DryRun, Yes
from dutiful.cli.prompt import ask
from dutiful.cli.schedules import Name
from dutiful.cli.schedules_change import say_hooks
from dutiful.cli.schedules_next import read_day, read_moment
from dutiful.cli.target import OpenTarget, reach
from dutiful.core.errors import UsageError
from dutiful.core.rule import day_of
from dutiful.manage.reading import local

if TYPE_CHECKING:
    from dutiful.client.backfill import BackfillResult

From = Annotated[
    str, typer.Option("--from", metavar="WHEN", help="The first instant, in the schedule's zone.")
]
To = Annotated[
    str,
    typer.Option(
        "--to", metavar="WHEN", help="The last instant, included; a date alone is the whole day."
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

Forgotten = Annotated[
    bool,
    typer.Option(
        "--forgotten",
        help="Also enqueue what may have run, since its records were deleted.",
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
    *,
    forgotten: Forgotten = False,
) -> None:
    """Enqueue the occurrences of a time range that were never made; a second run adds nothing.

    Each job knows its planned instant, and that it was backfilled. The on_enqueue hooks of the
    app that --app names see each job.
    """
    per_second = None if rate == "all" else bulk.read_rate(rate)

    async def body(opened: OpenTarget) -> None:
        from dutiful.client.backfill import Backfill, instants

        schedules = opened.app.schedules
        record = await schedules.aget(name)
        if record.definition is None:
            raise Wrong(f"this version cannot read schedule {name}", "upgrade dutiful")
        zone = record.zone or "UTC"
        start, end = read_moment(begin, zone, "--from"), _last(to, zone)
        if end < start:
            raise Wrong("--to is before --from", "exchange the two")
        past = Backfill(start=start, end=end, per_second=per_second, forgotten=forgotten)
        planned = instants(record.definition, past)
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
            reported = 0

            def progress(done: int, total: int) -> None:
                nonlocal reported
                advance(done - reported)
                reported = done

            try:
                filled = await schedules.abackfill(name, past, progress)
            except UsageError as error:  # which speaks to who writes Python
                raise Wrong(str(error).replace("forgotten=True", "--forgotten")) from error
        _tell(filled, opened, common)

    reach(common, body)


def _tell(filled: BackfillResult, opened: OpenTarget, common: Common) -> None:
    there = filled.planned - filled.made - filled.gave_way
    if common.json:
        what = {"planned": filled.planned, "enqueued": filled.made, "gave_way": filled.gave_way}
        as_json.emit({**what, "hooks_run": opened.named, "dry_run": False})
        return
    text = f"{render.plural(filled.made, 'job')} enqueued, {there:,} were there already."
    if filled.gave_way:
        text += f" {filled.gave_way:,} not enqueued: other jobs hold their unique keys."
    render.say(text)
    say_hooks(opened)


def _last(text: str, zone: str) -> int:
    """Read --to; a date alone means that whole day, up to now."""
    at, present = read_moment(text, zone, "--to"), render.now()
    if at > present:
        raise Wrong("--to lies in the future", "the schedule itself makes future occurrences")
    day = read_day(text)
    return at if day is None else min(day_of(zone, day)[1], present)


def _tell_plan(planned: tuple[int, ...], zone: str, common: Common, *, dry_run: bool) -> None:
    if common.json:
        as_json.emit({"planned": len(planned), "enqueued": 0, "dry_run": dry_run})
    elif planned:
        first, last = local(planned[0], zone), local(planned[-1], zone)
        render.say(f"{render.plural(len(planned), 'instant')} from {first} to {last}.")
    else:
        render.say("The schedule has no instant in that time range.")
