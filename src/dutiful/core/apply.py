"""What a claim, a settlement and a move by hand write into a job.

Memory stores exactly this. The statements of the other engines do the same in SQL, and a test
compares them with it on random jobs. What a redrive writes is in `core.redrive`, and what a
replacement writes in `core.replacement`.
"""

from __future__ import annotations

from msgspec.structs import replace

from .fence import FENCE_MAX, next_fence
from .job import Claim, Job
from .settle import COUNTED_MAX, Settlement
from .state import State, movable


def valid(job: Job, claim: Claim) -> bool:
    """Whether a claim holds: its job is running, under the claim's fence."""
    return job.state is State.RUNNING and job.fence == claim.job.fence


def repeated(job: Job, item: Settlement) -> bool:
    """Whether a settlement whose claim holds no more was written before: it is not refused.

    A rescue makes the fence grow, so a job that has the claim's fence and does not run was settled
    by the claim's holder. A rescue that finds the old fence came too late.
    """
    return job.fence == item.claim.job.fence and not item.rescue


def apply(job: Job, item: Settlement, now: int) -> Job:
    """Return a job once a settlement of its valid claim is written at ``now``, the store's time.

    A job whose cancellation was requested does not come back: it ends as cancelled.
    """
    state, reason = item.state, item.reason
    if job.cancel_requested and not state.final:
        state, reason = State.CANCELLED, "cancelled"
    return replace(
        job,
        state=state,
        attempt=item.attempt,
        crashes=item.crashes,
        fence=min(job.fence + item.rescue, FENCE_MAX),
        run_at=job.run_at if state.final else _due_at(job, item, now),
        finished_at=now if state.final else None,
        worker=None,
        reason=reason,
        parked_at=item.parked_at,
        result=item.result,
        cancel_requested=False,
    )


def claimed(job: Job, worker: str, now: int, floor: int) -> Job:
    """Return a job once a worker has claimed it; ``floor`` is the highest fence of deleted jobs."""
    return replace(
        job,
        state=State.RUNNING,
        attempt=min(job.attempt + 1, COUNTED_MAX),
        fence=next_fence(job.fence, floor),
        worker=worker,
        started_at=now,
    )


def due(job: Job, now: int) -> bool:
    """Whether the time has come for a job that waits for it."""
    return movable(job.state, "stage") and job.run_at <= now


def cancelled(job: Job, now: int) -> Job | None:
    """Return a job that is cancelled, None if it has ended; one that runs is asked to end."""
    if job.state is State.RUNNING:
        return replace(job, cancel_requested=True)
    if not movable(job.state, "cancel"):
        return None
    return replace(job, state=State.CANCELLED, finished_at=now, reason="cancelled", parked_at=None)


def hurried(job: Job, now: int) -> Job | None:
    """Return a job that is made due now, None if it does not wait for its time."""
    if not movable(job.state, "run_now"):
        return None
    return replace(job, state=State.QUEUED, run_at=now)


def _due_at(job: Job, item: Settlement, now: int) -> int:
    """Return when a job is due again; a released or rescued one keeps its place in the queue."""
    if item.state is State.QUEUED:
        return job.run_at
    return item.run_at if item.run_at is not None else now + item.delay
