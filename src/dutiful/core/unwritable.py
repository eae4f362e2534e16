"""What is settled instead when the end of an attempt cannot be decided or cannot be stored."""

from __future__ import annotations

from msgspec.structs import replace

from .job import AttemptError, Claim
from .outcome import Crashed, Outcome, Succeeded
from .redact_error import without
from .redaction import MARKS, secrets_of
from .retry import ATTEMPTS_MAX, Random, RetryPolicy, backoff
from .settle import Settlement
from .state import State

_POLICY = RetryPolicy()


def instead(item: Settlement, kind: str, why: str, rng: Random) -> Settlement:
    """Decide again for a settlement that the store cannot hold: that attempt has failed.

    It is tried again while it has attempts left, unless it had succeeded: its effects have
    happened. ``kind`` and ``why`` are the error that the attempt leaves behind.
    """
    claim = item.claim
    error = _error(claim, item.at, kind, why)
    if item.state is State.CANCELLED:
        return replace(bare(item), state=State.CANCELLED, reason="cancelled", error=error)
    if item.state is State.SUCCEEDED:
        return replace(bare(item), reason="discarded", error=error)
    if item.state is State.DEAD or claim.job.attempt >= claim.job.max_attempts:
        return replace(bare(item), reason="attempts-spent", error=error)
    state = State.QUEUED if item.rescue else State.SCHEDULED
    delay = backoff(_POLICY, min(max(claim.job.attempt, 1), 100), rng)
    return replace(bare(item), state=state, reason=None, delay=delay, error=error)


def bare(item: Settlement) -> Settlement:
    """Let the job die, with nothing else that a store could refuse."""
    claim = item.claim
    job = claim.job
    return Settlement(
        replace(claim, log=()) if claim.log else claim,
        State.DEAD,
        at=item.at,
        attempt=min(max(job.attempt, 0), ATTEMPTS_MAX),
        crashes=min(max(job.crashes + item.rescue, 0), ATTEMPTS_MAX),
        reason="bad-payload",
        rescue=item.rescue,
    )


def undecided(claim: Claim, outcome: Outcome, now: int, why: str, rng: Random) -> Settlement:
    """Decide where `settle` itself has failed, for example by an invalid policy."""
    state = State.SUCCEEDED if isinstance(outcome, Succeeded) else State.SCHEDULED
    rescue = isinstance(outcome, Crashed)
    return instead(Settlement(claim, state, at=now, rescue=rescue), "OutcomeRefused", why, rng)


def _error(claim: Claim, now: int, kind: str, why: str) -> AttemptError:
    job = claim.job
    attempt = min(max(job.attempt, 0), ATTEMPTS_MAX)
    error = AttemptError(job.id, attempt, now, job.worker or "", kind, why)
    return without(error, secrets_of(job.args, job.meta)) if MARKS in job.meta else error
