"""``dutiful jobs list`` and ``show``: looking at jobs."""

from __future__ import annotations

from typing import Annotated

import typer

from dutiful.cli import as_json, card, render, rows, select
from dutiful.cli.expand import expand
from dutiful.cli.options import Chosen, Common, Paging
from dutiful.cli.target import Opened, reach

JobId = Annotated[str, typer.Argument(metavar="ID", help="The id, or its first 8 characters.")]


@expand
def list_jobs(chosen: Chosen, paging: Paging, common: Common) -> None:
    """List jobs, newest first."""
    which = select.read_filter(chosen, select.read_states(chosen.state), render.now())

    async def body(opened: Opened) -> None:
        inspector = opened.store.inspector
        page = await select.page(inspector, which, paging)
        if common.json:
            found = [as_json.job(job) for job in page.jobs]
            as_json.emit({"jobs": found, "next_cursor": page.cursor})
            return
        if not page.jobs:
            _say_none(opened, narrowed=select.narrow(chosen) or paging.page > 1)
            return
        errors = await rows.latest_errors(inspector, page.jobs)
        render.show(rows.jobs_table(page.jobs, errors))
        if page.cursor:
            render.say(f"\nThere are more: add --page {paging.page + 1}.", "dim")

    reach(common, body)


def _say_none(opened: Opened, *, narrowed: bool) -> None:
    if narrowed:
        render.say("No job matches. See them all with `dutiful jobs list`.")
    else:
        render.say(f"No jobs in {opened.url} yet. Enqueue one: your_task.enqueue(...)")


@expand
def show_job(job_id: JobId, common: Common) -> None:
    """Show all that is known of one job: arguments, steps, every failed attempt."""

    async def body(opened: Opened) -> None:
        inspector = opened.store.inspector
        job = await select.one(inspector, job_id)
        await card.show(inspector, job, as_json=common.json)

    reach(common, body)
