"""What a worker does with a job that it is given a second time while it holds the first claim."""

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

    A broker that delivers at least once may deliver a job again, to this worker as well, be it
    that the older lease is over. Only the latest delivery can end the message then, so its claim
    replaces the one held here: the body runs on, runs once, and its lease is renewed again. A body
    that was asked to stop when its lease was over gives the job back by the newer claim. Left
    alone, the delivery would come back each time that its lease is over, and each time spend an
    attempt.

    Such a delivery begins no attempt, so the newer claim takes the number of the attempt that goes
    on, unless deliveries are ``counted`` by the broker.
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
    """Stop jobs whose leases are over; return how many bodies that interrupted."""
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
    """Drop the ends of jobs that may be another worker's by now; the others are being settled."""
    held = [end for end in ended if leases.holds(end[0])]
    if len(held) < len(ended):
        kept = {id(claim) for claim, _ in held}
        gone = [claim for claim, _ in ended if id(claim) not in kept]
        delayed.drop(gone)
        refuse(gone, emit)
    leases.settling([claim for claim, _ in held], now=True)
    return held


def refuse(claims: Sequence[Claim], emit: Emit) -> None:
    """Report that attempts have ended whose leases are over: their ends are not sent."""
    emit(ClaimsRefused(claims[0].job.worker or "", tuple(claim.job.id for claim in claims)))


def _place(job_id: str, claims: Iterable[Claim]) -> int | None:
    return next((place for place, one in enumerate(claims) if one.job.id == job_id), None)
