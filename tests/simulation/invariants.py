"""What must hold of a settlement, a claim and a store: each check returns a complaint or None."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from dutiful.core.instant import SECOND
from dutiful.core.job import Job
from dutiful.core.settle import Settlement
from dutiful.core.state import State
from dutiful.core.unique import holds

from .ledger import Body, Record

CRASHES_MAX = 3
LEASE_SLACK = 50_000
"""Microseconds by which a lease may end early or late where a process counts by its own host."""
LATER = (State.SCHEDULED, State.WAITING)
FREE_ERRORS = ("Expired", "UnknownTask")
"""Errors of attempts that never began, so that they spend none."""


def settled(old: Job, item: Settlement, now: int) -> Job:
    """Say what the job's row must be after a settlement that holds."""
    state, reason = item.state, item.reason
    if old.cancel_requested and not state.final:
        state, reason = State.CANCELLED, "cancelled"
    run_at = old.run_at
    if state in LATER:
        run_at = item.run_at if item.run_at is not None else now + item.delay
    return replace(
        old,
        state=state,
        attempt=item.attempt,
        crashes=item.crashes,
        fence=old.fence + item.rescue,
        run_at=run_at,
        finished_at=now if state.final else None,
        worker=None,
        reason=reason,
        parked_at=item.parked_at,
        result=item.result,
        cancel_requested=old.cancel_requested and not state.final,
    )


def claimed(old: Job, worker: str) -> Job:
    """Say what the job's row must be after a claim."""
    return replace(
        old, state=State.RUNNING, attempt=old.attempt + 1, fence=old.fence + 1, worker=worker
    )


def same(expected: Job, found: Job) -> bool:
    """Whether a row is as expected, in all that the invariants speak of."""
    return (
        expected.state is found.state
        and expected.attempt == found.attempt
        and expected.crashes == found.crashes
        and expected.fence == found.fence
        and expected.worker == found.worker
        and expected.reason == found.reason
        and expected.run_at == found.run_at
        and expected.result == found.result
        and expected.cancel_requested == found.cancel_requested
        and expected.args == found.args
        and expected.unique_key == found.unique_key
    )


def rescue(item: Settlement, old: Job) -> str | None:
    """Judge a settlement by somebody else than the claim's holder: a crash was counted."""
    if item.error is None:
        return "a crash left no error behind"
    if item.attempt != old.attempt:
        return f"a crash must spend its attempt: {old.attempt} became {item.attempt}"
    if item.state is State.CANCELLED:
        return None if old.cancel_requested else "a crash cancelled a job that nobody cancelled"
    if item.crashes != old.crashes + 1:
        return f"a crash must be counted: {old.crashes} became {item.crashes}"
    last = item.crashes >= CRASHES_MAX or item.attempt >= old.max_attempts
    if last != (item.state is State.DEAD) or (last and item.reason != "worker-lost"):
        return f"crash {item.crashes} of attempt {item.attempt} made it {item.state.word}"
    return None


def holder(item: Settlement, old: Job, body: Body | None, store_then: int) -> str | None:
    """Judge a settlement by the claim's holder against what its body did."""
    ended = "none" if body is None else body.ended or "running"
    error = "" if body is None else body.error
    spent = item.attempt == old.attempt
    match item.state:
        case State.SUCCEEDED:
            fine = ended == "returned" and spent
        case State.QUEUED:
            undone = old.task == "writes"  # its commit came too late, or the roll-back did
            fine = ended in ("none", "cut", "running") or undone
            fine = fine and item.attempt == old.attempt - 1
        case State.WAITING:
            fine = (ended == "none" or error == "Snooze") and item.attempt == old.attempt - 1
        case State.SCHEDULED if item.reason == "unknown-task":
            fine = ended == "none" and item.attempt == old.attempt - 1
        case State.SCHEDULED:
            fine = _retried(item, old, ended) and spent
        case State.CANCELLED:
            fine = old.cancel_requested or error == "Cancel"
        case _:
            return _died(item, old, body, store_then)
    if fine and item.crashes == old.crashes:
        return None
    return (
        f"{old.task} made {item.state.word} ({item.reason}, attempt {item.attempt} of a claim of "
        f"{old.attempt}) though its body had: {ended} {error}"
    )


def _retried(item: Settlement, old: Job, ended: str) -> bool:
    failed = ended in ("raised", "cut", "running") or (ended == "returned" and old.task == "writes")
    return failed and item.error is not None and old.attempt < old.max_attempts


def _died(item: Settlement, old: Job, body: Body | None, store_then: int) -> str | None:
    if item.error is None:
        return f"{old.task} died of {item.reason} without an error"
    match item.reason:
        case "expired":
            late = old.expires_at is not None and store_then + SECOND >= old.expires_at
            fine = body is None and late and item.attempt == old.attempt - 1
        case "attempts-spent":
            fine = body is not None and item.attempt == old.attempt >= old.max_attempts
        case "discarded":
            fine = body is not None and old.task in ("drops", "garbage")
        case _:
            fine = False
    return None if fine else f"{old.task} died of {item.reason} at attempt {item.attempt}"


def unique(jobs: Iterable[Job], key: str) -> str | None:
    """Judge a unique key: at most one job may hold it."""
    held = [job.id for job in jobs if job.unique_key == key and holds(job.unique_states, job.state)]
    return f"{len(held)} jobs hold {key!r}: {', '.join(held)}" if len(held) > 1 else None


def counted(job: Job, record: Record) -> str | None:
    """Judge a job's attempts: one for each error that spends, and one for success."""
    if record.redriven:
        return None
    spent = record.errors - record.free + (job.state is State.SUCCEEDED) + record.cut_short
    if job.attempt != spent:
        return f"{job.attempt} attempts are counted, {spent} were spent"
    return None


def poisoned(job: Job, record: Record) -> str | None:
    """Judge a job that killed every worker that ran it."""
    if job.task != "poison" or record.redriven or job.state is State.CANCELLED:
        return None
    if job.state is State.DEAD and job.reason in ("worker-lost", "expired"):
        return None
    return f"a job that kills its workers ended {job.state.word} ({job.reason})"


def replaced(old: Job | None, row: Job, steps: dict[str, tuple[int, bytes]]) -> str | None:
    """Judge the steps that a replacement leaves; with other arguments none may be left."""
    if old is not None and (old.task, old.args) != (row.task, row.args):
        steps.clear()
    return None if row.steps == len(steps) else f"{row.steps} steps are left of {len(steps)}"
