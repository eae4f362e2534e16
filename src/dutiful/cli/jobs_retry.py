"""``dutiful jobs retry``: runs the named jobs now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dutiful.cli import as_json, render, select
from dutiful.cli.expand import expand
from dutiful.cli.failure import Code, Wrong
from dutiful.cli.options import Common, Ids
from dutiful.cli.target import OpenTarget, reach

if TYPE_CHECKING:
    from dutiful.manage.retrying import Retried


@expand
def retry_jobs(common: Common, ids: Ids = None) -> int:
    """Run jobs now: make scheduled and waiting ones due, redrive dead and cancelled ones."""
    if not ids:
        raise Wrong("no job is named", "give ids; for many dead ones see `dutiful dead redrive`")

    async def body(opened: OpenTarget) -> int:
        jobs = opened.app.jobs
        found = [(await select.one(jobs, job_id)).id for job_id in ids]
        done = await jobs.aretry(found)
        if common.json:
            as_json.emit(
                [{"id": one.job.id, "done": one.done, "text": outcome_text(one)} for one in done]
            )
        else:
            for one in done:
                render.say(f"{one.job.id}  {outcome_text(one)}")
        return Code.BAD if any(one.done == "nothing" for one in done) else Code.OK

    return reach(common, body)


def outcome_text(one: Retried) -> str:
    """Say what became of a job that was to be retried."""
    was = one.job.state
    match one.why:
        case None:
            return f"{'made due' if one.done == 'run_now' else one.done}, was {was}"
        case "unique":
            key = f"the unique key {one.job.unique_key!r}"
            return f"is still {was}: another live job holds {key}"
        case "succeeded":
            return "has succeeded; enqueue a new job to run it again"
        case "ready":
            return f"is {was} already"
        case "changed":
            return f"was {was} and changed in the meantime; look again"
