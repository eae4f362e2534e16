"""``dutiful dead list`` and ``show``: looking at dead letters."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from dutiful.cli import as_json, card, render, select, table_rows
from dutiful.cli.expand import expand
from dutiful.cli.failure import Code, CommandFailed, Wrong
from dutiful.cli.jobs import JobId
from dutiful.cli.options import BULK, Common, Letters, Paging
from dutiful.cli.target import OpenTarget, reach
from dutiful.core.state import State

_UNSORTED = ("queue", "tag", "since", "until")


@expand
def list_dead(
    letters: Letters,
    paging: Paging,
    common: Common,
    each: Annotated[
        bool, typer.Option("--each", help="List single jobs.", rich_help_panel=BULK)
    ] = False,
) -> None:
    """List dead letters, grouped by task, reason and error; with --each one by one."""
    given = [name for name in _UNSORTED if getattr(letters, name)]
    if given and not each:
        raise Wrong(f"--{given[0]} chooses single jobs", "add --each")

    async def body(opened: OpenTarget) -> None:
        if each:
            await _each(opened, letters, paging, common)
        else:
            await _grouped(opened, letters, paging, common)

    reach(common, body)


async def _grouped(opened: OpenTarget, letters: Letters, paging: Paging, common: Common) -> None:
    found = await opened.app.dead.agroups(**of_group(letters))
    groups = found[(paging.page - 1) * paging.limit : paging.page * paging.limit]
    if common.json:
        as_json.emit([as_json.group(group) for group in groups])
        return
    if not groups:
        _say_none(opened, narrowed=select.narrow(letters) or paging.page > 1)
        return
    render.show(table_rows.groups_table(groups))
    total = render.plural(sum(group.count for group in found), "dead letter")
    render.say(
        f"\n{total}. List them: dutiful dead list --each\n"
        "Redrive some: dutiful dead redrive --task TASK --dry-run",
        "dim",
    )


def of_group(letters: Letters) -> dict[str, Any]:
    """Return the filters by which groups are chosen."""
    which = select.read_filter(letters, (), render.now())
    return {name: which[name] for name in ("task", "reason", "error_type") if name in which}


async def _each(opened: OpenTarget, letters: Letters, paging: Paging, common: Common) -> None:
    which = select.read_filter(letters, (State.DEAD,), render.now())
    page = await select.page(opened.app.jobs, which, paging, with_errors=not common.json)
    if not table_rows.show_page(page, paging, as_json=common.json):
        _say_none(opened, narrowed=select.narrow(letters) or paging.page > 1)


def _say_none(opened: OpenTarget, *, narrowed: bool) -> None:
    if narrowed:
        render.say("No dead letter matches. List all of them with `dutiful dead list`.")
    else:
        render.say(f"No dead letters in {opened.url}.")


@expand
def show_dead(job_id: JobId, common: Common) -> None:
    """Show everything about one dead letter: arguments, every attempt and its traceback."""

    async def body(opened: OpenTarget) -> None:
        jobs = opened.app.jobs
        job = await select.one(jobs, job_id)
        if job.state != "dead":
            raise CommandFailed(
                f"job {job.id} is {job.state}, not a dead letter",
                Code.BAD,
                f"see `dutiful jobs show {job.id}`",
            )
        await card.show(jobs, job, as_json=common.json)

    reach(common, body)
