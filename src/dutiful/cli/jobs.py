"""``dutiful jobs list`` and ``show``: looking at jobs."""

from __future__ import annotations

from typing import Annotated

import typer

from dutiful.cli import card, render, select, table_rows
from dutiful.cli.expand import expand
from dutiful.cli.options import Chosen, Common, Paging
from dutiful.cli.target import OpenTarget, reach

JobId = Annotated[
    str, typer.Argument(metavar="ID", help="The id, or at least its first 8 characters.")
]


@expand
def list_jobs(chosen: Chosen, paging: Paging, common: Common) -> None:
    """List jobs, newest first."""
    which = select.read_filter(chosen, select.read_states(chosen.state), render.now())

    async def body(opened: OpenTarget) -> None:
        page = await select.page(opened.app.jobs, which, paging, with_errors=not common.json)
        if not table_rows.show_page(page, paging, as_json=common.json):
            _say_none(opened, narrowed=select.narrow(chosen) or paging.page > 1)

    reach(common, body)


def _say_none(opened: OpenTarget, *, narrowed: bool) -> None:
    if narrowed:
        render.say("No job matches. List all jobs with `dutiful jobs list`.")
    else:
        render.say(f"No jobs in {opened.url} yet. Enqueue one: your_task.enqueue(...)")


@expand
def show_job(
    job_id: JobId,
    common: Common,
    *,
    reveal: Annotated[
        bool, typer.Option("--reveal", help="Show the values that the task marks as sensitive.")
    ] = False,
) -> None:
    """Show everything about one job: arguments, steps, every failed attempt."""

    async def body(opened: OpenTarget) -> None:
        jobs = opened.app.jobs
        found = await select.one(jobs, job_id)
        job = await jobs.areveal(found.id) if reveal else found
        await card.show(jobs, job, reveal=reveal, as_json=common.json)

    reach(common, body)
