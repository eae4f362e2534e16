"""Running one job now, by what its state allows."""

from __future__ import annotations

from typing import Literal

import msgspec

from dutiful.contract.capability import Capability
from dutiful.contract.facade import Store
from dutiful.contract.roles.controller import Redrive
from dutiful.core.job import Job
from dutiful.core.state import State

from .records import JobRecord, job_record

Done = Literal["run_now", "redriven", "nothing"]
Hindrance = Literal["succeeded", "ready", "unique", "changed"]


class Retried(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a job that was to run now."""

    job: JobRecord
    """The job as it was before."""
    done: Done
    """Whether it was made due, was redriven, or was left as it was."""
    why: Hindrance | None = None
    """Why it was left: it has succeeded; it is queued or runs already; another live job holds its
    unique key; or its state changed meanwhile."""


async def retry_one(store: Store, job: Job) -> Retried:
    """Make a waiting job due, redrive an ended one, and leave every other as it is."""
    record = job_record(job)
    match job.state:
        case State.SUCCEEDED:
            return Retried(job=record, done="nothing", why="succeeded")
        case State.QUEUED | State.RUNNING:
            return Retried(job=record, done="nothing", why="ready")
        case State.SCHEDULED | State.WAITING:
            if await store.controller(Capability.DELAY).run_now([job.id]):
                return Retried(job=record, done="run_now")
        case State.DEAD | State.CANCELLED:
            if await store.controller(Capability.REDRIVE).redrive([Redrive(job.id)]):
                return Retried(job=record, done="redriven")
            if job.unique_key:
                return Retried(job=record, done="nothing", why="unique")
    return Retried(job=record, done="nothing", why="changed")
