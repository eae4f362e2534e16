"""Decides before a claimed job's body begins whether the job need not, or cannot, run here."""

from __future__ import annotations

from collections.abc import Mapping

from dutiful.core.delivery_count import delivered_too_often
from dutiful.core.errors import BadPayload
from dutiful.core.event import ArgumentsUnfit, Emit
from dutiful.core.job import Claim
from dutiful.core.outcome import Outcome, Undecodable
from dutiful.core.payload import plain
from dutiful.core.redaction import secrets_of


def not_to_start(claim: Claim, *, deliveries_count: bool) -> Outcome | None:
    """Return the outcome of a job that must not start for its steps or deliveries, or None."""
    outcome = _unreadable_step(claim.steps) if claim.steps else None
    if outcome is None and deliveries_count:
        outcome = delivered_too_often(claim.job)
    return outcome


def unfit(claim: Claim, error: str, emit: Emit) -> Outcome:
    """Decide about arguments that do not fit; a JSON object may fit the task of another version."""
    job = claim.job
    error = secrets_of(job.args, job.meta).hide(error)
    if not _whole(job.args):
        return Undecodable(error)
    if job.parked_at is None:
        emit(ArgumentsUnfit(job.task, job.id, error))
    return Undecodable(error, waits=True)


def _whole(args: bytes) -> bool:
    """Whether stored arguments are an object, which is what a client writes."""
    try:
        return isinstance(plain(args), dict)
    except Exception:  # noqa: BLE001 - whatever went wrong, it is not an object
        return False


def _unreadable_step(steps: Mapping[str, bytes]) -> Outcome | None:
    """Return the outcome of a job with a recorded step that is not JSON, or None."""
    for name, raw in steps.items():
        try:
            plain(raw)
        except BadPayload as error:
            return Undecodable(f"the recorded step {name!r} cannot be read: {error}")
    return None
