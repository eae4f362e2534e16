"""Handles a job that is delivered to a worker again while the worker holds the first claim."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence

from msgspec.structs import replace

from dutiful.core.event import ClaimsRefused, Emit
from dutiful.core.job import Claim

from .attempt import Running
from .delayed import Delayed, End
from .job_leases import JobLeases


def fresh(
    claims: Iterable[Claim],
    leases: JobLeases,
    running: dict[str, Running],
    waiting: deque[Claim],
    ended: list[End],
    delayed: Delayed,
    *,
    counted: bool,
) -> list[Claim]:
    """Hold new claims, and return those that are to be started.

    A broker with at-least-once delivery may deliver a job again, also to the same worker, and also
    when the older lease is over. Then only the latest delivery can end the message, so its claim
    replaces the one that is held: the body goes on and runs once, and its lease is renewed again.
    A body that was asked to stop when its lease was over gives the job back by the newer claim. A
    delivery that was ignored would come back each time that its lease is over, and would spend an
    attempt each time.

    Such a delivery begins no attempt, so the newer claim gets the number of the attempt that goes
    on, unless the broker counts deliveries (``counted``).
    """
    found: dict[str, Claim] = {}
    kept = delayed.ids()
    for claim in claims:
        job_id = claim.job.id
        if (attempt := running.get(job_id)) is not None:
            attempt.redelivered += 1
            claim = claim if counted else _unspent(claim, attempt.redelivered)
            attempt.claim = claim
        elif (place := _place(job_id, waiting)) is not None:
            claim = claim if counted else _unspent(claim)
            waiting[place] = claim
        elif (place := _place(job_id, [one for one, _ in ended])) is not None:
            claim = claim if counted else _unspent(claim)
            ended[place] = (claim, ended[place][1])
        elif job_id in kept:
            claim = claim if counted else _unspent(claim)
            delayed.adopt(claim)
        elif job_id in found or not leases.knows(job_id):
            found[job_id] = claim
        else:  # its end is being written
            continue
        leases.take(claim)
    return list(found.values())


def _unspent(claim: Claim, times: int = 1) -> Claim:
    """Return a claim that does not count the deliveries that began no attempt."""
    return replace(claim, job=replace(claim.job, attempt=max(claim.job.attempt - times, 1)))


def lose(claims: Iterable[Claim], running: dict[str, Running], waiting: deque[Claim]) -> int:
    """Stop jobs whose leases are over; return how many bodies were interrupted."""
    stopped = 0
    for claim in claims:
        attempt = running.get(claim.job.id)
        if attempt is not None and attempt.claim is claim:
            attempt.interrupt("lost")
            stopped += 1
        elif claim in waiting:
            waiting.remove(claim)
    return stopped


def held_still(ended: list[End], leases: JobLeases, delayed: Delayed, emit: Emit) -> list[End]:
    """Drop the ends of jobs that another worker may have by now; the others are being settled."""
    held = [end for end in ended if leases.holds(end[0])]
    if len(held) < len(ended):
        kept = {id(claim) for claim, _ in held}
        gone = [claim for claim, _ in ended if id(claim) not in kept]
        delayed.drop(gone)
        refuse(gone, emit)
    leases.settling([claim for claim, _ in held], now=True)
    return held


def refuse(claims: Sequence[Claim], emit: Emit) -> None:
    """Report that the ends of attempts are not sent, because their leases are over."""
    emit(ClaimsRefused(claims[0].job.worker or "", tuple(claim.job.id for claim in claims)))


def _place(job_id: str, claims: Iterable[Claim]) -> int | None:
    return next((place for place, one in enumerate(claims) if one.job.id == job_id), None)
