"""``dutiful jobs retry``: running named jobs now, whatever holds them back."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from dutiful.cli import as_json, render, select
from dutiful.cli.expand import expand
from dutiful.cli.failure import Code, Wrong
from dutiful.cli.options import Common, Ids
from dutiful.cli.target import Opened, reach
from dutiful.core.state import State

if TYPE_CHECKING:
    from dutiful.core.job import Job


class Done(NamedTuple):
    """What became of one job; ``what`` is ``hurried``, ``redriven`` or ``nothing``."""

    what: str
    text: str


@expand
def retry_jobs(common: Common, ids: Ids = None) -> int:
    """Run jobs now: make scheduled and waiting ones due, redrive dead and cancelled ones."""
    if not ids:
        raise Wrong("no job is named", "give ids; for many dead ones see `dutiful dead redrive`")

    async def body(opened: Opened) -> int:
        found = [await select.one(opened.store.inspector, job_id) for job_id in ids]
        done = [(job, await _retry(opened, job)) for job in found]
        if common.json:
            as_json.emit([{"id": job.id, "done": end.what, "text": end.text} for job, end in done])
        else:
            for job, end in done:
                render.say(f"{job.id}  {end.text}")
        return Code.BAD if any(end.what == "nothing" for _, end in done) else Code.OK

    return reach(common, body)


async def _retry(opened: Opened, job: Job) -> Done:
    """Do what the job's state allows."""
    was = job.state.word
    match job.state:
        case State.SCHEDULED | State.WAITING:
            if await opened.store.controller.hurry([job.id]):
                return Done("hurried", f"hurried, was {was}")
        case State.DEAD | State.CANCELLED:
            if await _redrive(opened, job):
                return Done("redriven", f"redriven, was {was}")
            if job.unique_key:
                key = f"the unique key {job.unique_key!r}"
                return Done("nothing", f"is still {was}: another live job holds {key}")
        case State.SUCCEEDED:
            return Done("nothing", "has succeeded; enqueue a new job to run it again")
        case State.QUEUED | State.RUNNING:
            return Done("nothing", f"is {was} already")
    return Done("nothing", f"was {was} and changed in the meantime; look again")


async def _redrive(opened: Opened, job: Job) -> tuple[str, ...]:
    from dutiful.contract.capability import Capability
    from dutiful.contract.protocol import Redrive

    opened.store.require(Capability.REDRIVE)
    return await opened.store.controller.redrive([Redrive(job.id)])
