"""The one place that decides what becomes of a job when an attempt ends."""

from __future__ import annotations

from typing import Literal, assert_never

import msgspec

from .instant import DAY, SECOND
from .job import AttemptError, Claim, Job
from .outcome import (
    SNOOZE_MIN,
    Cancelled,
    Crashed,
    Discarded,
    Expired,
    Failed,
    Outcome,
    Released,
    Snoozed,
    Succeeded,
    Undecodable,
    Unknown,
)
from .redact_error import redacted
from .redaction import Path
from .retry import Random, RetryPolicy, backoff
from .state import State

Reason = Literal[
    "attempts-spent", "discarded", "worker-lost", "unknown-task", "bad-payload", "expired"
]

CRASHES_MAX = 3
"""The death of so many workers under one job makes it a dead letter."""


COUNTED_MAX = 2**31 - 1
"""The highest count that every store can hold; only another program writes so many crashes."""


class Rules(msgspec.Struct, frozen=True):
    """What `settle` goes by beside the job itself."""

    retry: RetryPolicy = RetryPolicy()
    crashes_max: int = CRASHES_MAX
    park_first: int = SECOND
    """How long a job of an unknown task waits before a worker looks at it again. During a deploy
    that worker may be a new one, which knows the task."""
    park: int = 15 * SECOND
    """The longest such wait: each is as long as the job has been parked."""
    park_max: int = 7 * DAY
    """How long a job may stay parked before it dies as ``unknown-task``."""
    park_args_max: int = DAY
    """How long, ``park_max`` at most, it may stay parked because of its arguments."""
    sensitive: tuple[Path, ...] = ()
    """What this worker's code marks, for jobs whose meta does not say it."""
    secrets: tuple[str, ...] = ()
    """Texts that no error may contain, such as the password of the store."""


class Settlement(msgspec.Struct, frozen=True, gc=False):
    """What an engine writes, if the claim's fence still holds."""

    claim: Claim
    state: State
    result: bytes | None = None
    at: int = 0
    """The worker's instant of the decision; the store's clock stamps the job itself."""
    delay: int = 0
    """Microseconds from the store's now until the job is due again (not for final states)."""
    run_at: int | None = None
    """The instant it is due again, when the task named one."""
    attempt: int = 0
    crashes: int = 0
    reason: str | None = None
    parked_at: int | None = None
    error: AttemptError | None = None
    rescue: bool = False
    """Whether another than the holder of the claim settles: the fence must grow."""


_Plain = Succeeded | Snoozed | Released | Cancelled | Discarded | Undecodable | Expired


def settle(claim: Claim, outcome: Outcome, now: int, rng: Random, rules: Rules) -> Settlement:
    """Decide what becomes of a claimed job; ``now`` is an instant, ``rng`` gives the jitter.

    The texts that the attempt leaves behind are without the job's sensitive values.
    """
    item = _decided(claim, outcome, now, rng, rules)
    said = item.reason if item.state is State.CANCELLED else None
    if item.error is None and said is None:
        return item
    error, said = redacted(claim.job, item.error, said, rules.sensitive, rules.secrets)
    return msgspec.structs.replace(item, error=error, reason=item.reason if said is None else said)


def _decided(claim: Claim, outcome: Outcome, now: int, rng: Random, rules: Rules) -> Settlement:
    job = claim.job
    match outcome:
        case Failed():
            return _retry_or_die(claim, outcome, _failure(job, now, outcome), now, rng, rules)
        case Crashed(message=message):
            return _crashed(claim, _error(job, now, "WorkerLost", message), now, rules)
        case Unknown():
            error = _error(job, now, "UnknownTask", f"no worker knows the task {job.task!r}")
            return _park_or_die(claim, now, rules, "unknown-task", error)
        case Undecodable(message=message, waits=True):
            error = _error(job, now, "BadPayload", message)
            return _park_or_die(claim, now, rules, "bad-payload", error)
        case _:
            return _as_asked(claim, outcome, now)


def succeed(claim: Claim, result: bytes | None, now: int) -> Settlement:
    """Settle a claim as succeeded: the one decision that needs no rules."""
    job = claim.job
    return Settlement(claim, State.SUCCEEDED, result, now, 0, None, job.attempt, job.crashes)


def _as_asked(claim: Claim, outcome: _Plain, now: int) -> Settlement:
    """Decide for the outcomes that leave nothing to weigh."""
    job = claim.job
    match outcome:
        case Succeeded(result=result):
            return succeed(claim, result, now)
        case Snoozed(delay=delay, until=until):
            if until is not None and until < now + SNOOZE_MIN:
                delay, until = SNOOZE_MIN, None
            return _later(claim, State.WAITING, now, delay, run_at=until, attempt=job.attempt - 1)
        case Released():
            back = job.attempt - 1
            return _later(claim, State.QUEUED, now, 0, attempt=back, parked_at=job.parked_at)
        case Cancelled(why=why, error=beside):
            left = None if beside is None else _failure(job, now, beside)
            return _end(claim, State.CANCELLED, now, why, error=left)
        case Discarded(why=why, traceback=trace):
            return _die(claim, now, "discarded", _error(job, now, "Discard", why, trace))
        case Undecodable(message=message):
            return _die(claim, now, "bad-payload", _error(job, now, "BadPayload", message))
        case Expired():
            error = _error(job, now, "Expired", "no worker started the job before it expired")
            return _die(claim, now, "expired", error, attempt=job.attempt - 1)
        case _:
            assert_never(outcome)


def before_start(job: Job, now: int) -> Outcome | None:
    """Return the outcome of a claimed job that must not start, or None when it may."""
    if job.cancel_requested:
        return Cancelled()
    if job.unreadable is not None:
        return Undecodable(_unreadable(job))
    if job.expires_at is None or now < job.expires_at or job.attempt > 1:
        return None
    # A first attempt that asked to be woken after the expiry did start in time; a parked one not.
    woken = job.run_at >= job.expires_at and job.parked_at is None
    return None if woken else Expired()


def _retry_or_die(
    claim: Claim, outcome: Failed, error: AttemptError, now: int, rng: Random, rules: Rules
) -> Settlement:
    job, policy = claim.job, rules.retry
    if not outcome.retryable:
        return _die(claim, now, "discarded", error)
    if job.attempt >= job.max_attempts:
        return _die(claim, now, "attempts-spent", error)
    delay = outcome.after if outcome.after is not None else backoff(policy, job.attempt, rng)
    since = job.enqueued_at if job.redriven_at is None else job.redriven_at
    until = outcome.until if outcome.until is not None and outcome.until > now + delay else None
    if (
        policy.within is not None
        and (now + delay if until is None else until) > since + policy.within
    ):
        return _die(claim, now, "attempts-spent", error)
    return _later(
        claim, State.SCHEDULED, now, delay, run_at=until, attempt=job.attempt, error=error
    )


def _crashed(claim: Claim, error: AttemptError, now: int, rules: Rules) -> Settlement:
    job = claim.job
    crashes = min(job.crashes + 1, COUNTED_MAX)
    if job.cancel_requested:
        return _end(claim, State.CANCELLED, now, "cancelled", error=error, rescue=True)
    if job.unreadable is not None:  # no worker could run it
        error = _error(job, now, "BadPayload", _unreadable(job))
        return _die(claim, now, "bad-payload", error, crashes=crashes, rescue=True)
    if crashes >= rules.crashes_max or job.attempt >= job.max_attempts:
        return _die(claim, now, "worker-lost", error, crashes=crashes, rescue=True)
    return _later(
        claim, State.QUEUED, now, 0, attempt=job.attempt, crashes=crashes, error=error, rescue=True
    )


def _park_or_die(
    claim: Claim, now: int, rules: Rules, reason: Reason, error: AttemptError
) -> Settlement:
    """Let a job wait for a worker of another version, which may know what this one does not.

    An error about its arguments is kept the first time; an unknown task is named by the job itself.
    """
    job = claim.job
    parked_at = now if job.parked_at is None else job.parked_at
    of_args = reason == "bad-payload"
    if now - parked_at >= (min(rules.park_max, rules.park_args_max) if of_args else rules.park_max):
        return _die(claim, now, reason, error, attempt=job.attempt - 1)
    return _later(
        claim,
        State.SCHEDULED,
        now,
        min(max(now - parked_at, rules.park_first), rules.park),
        attempt=job.attempt - 1,
        reason=reason,
        parked_at=parked_at,
        error=error if of_args and job.parked_at is None else None,
    )


def _later(
    claim: Claim,
    state: State,
    now: int,
    delay: int,
    *,
    attempt: int,
    run_at: int | None = None,
    crashes: int | None = None,
    reason: str | None = None,
    parked_at: int | None = None,
    error: AttemptError | None = None,
    rescue: bool = False,
) -> Settlement:
    return Settlement(
        claim=claim,
        state=state,
        at=now,
        delay=delay,
        run_at=run_at,
        attempt=attempt,
        crashes=claim.job.crashes if crashes is None else crashes,
        reason=reason,
        parked_at=parked_at,
        error=error,
        rescue=rescue,
    )


def _die(
    claim: Claim,
    now: int,
    reason: Reason,
    error: AttemptError,
    *,
    attempt: int | None = None,
    crashes: int | None = None,
    rescue: bool = False,
) -> Settlement:
    ended = _end(claim, State.DEAD, now, reason, error=error, rescue=rescue)
    spent = claim.job.attempt if attempt is None else attempt
    met = claim.job.crashes if crashes is None else crashes
    return msgspec.structs.replace(ended, attempt=spent, crashes=met)


def _end(
    claim: Claim,
    state: State,
    now: int,
    reason: str | None,
    *,
    error: AttemptError | None = None,
    rescue: bool = False,
) -> Settlement:
    spent, met = claim.job.attempt, claim.job.crashes
    return Settlement(
        claim, state, at=now, attempt=spent, crashes=met, reason=reason, error=error, rescue=rescue
    )


def _failure(job: Job, now: int, failed: Failed) -> AttemptError:
    return _error(job, now, failed.type, failed.message, failed.traceback)


def _unreadable(job: Job) -> str:
    return f"the stored job cannot be read, in {job.unreadable}: another program wrote its row"


def _error(job: Job, now: int, kind: str, message: str, trace: str = "") -> AttemptError:
    return AttemptError(job.id, job.attempt, now, job.worker or "", kind, message, trace)
