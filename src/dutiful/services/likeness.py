"""Whether two stores hold the same job, and which of two records of it is the newer."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from dutiful.contract.roles.transfer import Record
from dutiful.core.job import AttemptError, Job
from dutiful.core.state import PENDING


def pending(job: Job) -> bool:
    """Whether a job waits to be claimed."""
    return job.state in PENDING


def alike(job: Job, found: Job) -> bool:
    """Whether two jobs are equal; the time of one may have come, and of the other not yet."""
    if job == found:
        return True
    return pending(job) and pending(found) and replace(found, state=job.state) == job


def one_job(job: Job, found: Job) -> bool:
    """Whether two jobs of one id were enqueued as one, and not by chance under one id."""
    return (job.id, job.task, job.enqueued_at) == (found.id, found.task, found.enqueued_at)


def follows(record: Record, held: Record) -> bool:
    """Whether a record is what became of a waiting one, which has nothing that the record lacks.

    A claim raises the fence, a failure adds an error, an effect that happened once adds a step.
    """
    job, old = record.job, held.job
    if not pending(old) or not one_job(job, old):
        return False
    if old.fence > job.fence or _redriven(old) > _redriven(job):
        return False
    if not _begins(record.errors, held.errors):
        return False
    dropped = _redriven(old) < _redriven(job)
    return dropped or all(record.steps.get(step) == value for step, value in held.steps.items())


def _redriven(job: Job) -> int:
    return job.redriven_at or 0


def _begins(errors: Sequence[AttemptError], earlier: Sequence[AttemptError]) -> bool:
    """Compare what no store writes otherwise than it was given."""
    shown = [[(one.attempt, one.at) for one in part] for part in (errors, earlier)]
    return shown[0][: len(shown[1])] == shown[1]
