"""Handles a job that is delivered to a worker again while the worker holds the first claim."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence

from dutiful.core.event import ClaimsRefused, Emit
from dutiful.core.job import Claim

from .attempt import Running
from .delayed import End
from .job_leases import JobLeases


def fresh(
    claims: Iterable[Claim],
    leases: JobLeases,
    running: dict[str, Running],
    waiting: deque[Claim],
    ended: list[End],
) -> list[Claim]:
    """Hold new claims, and return those that are to be started.

    A broker with at-least-once delivery may deliver a job again, also to the same worker. Then only
    the latest delivery can end the message, so its claim replaces the one that is held; the body
    goes on and runs once. If it is too late for that (the older lease is over, or its end is being
    written), the delivery is ignored, and the message comes back when its own lease is over.
    """
    found: dict[str, Claim] = {}
    for claim in claims:
        job_id = claim.job.id
        if (attempt := running.get(job_id)) is not None:
            if leases.holds(attempt.claim):
                attempt.claim = claim
                leases.take(claim)
            continue
        if (place := _place(job_id, waiting)) is not None:
            waiting[place] = claim
        elif (place := _place(job_id, [one for one, _ in ended])) is not None:
            ended[place] = (claim, ended[place][1])
        elif job_id in found or not leases.knows(job_id):
            found[job_id] = claim
        else:
            continue
        leases.take(claim)
    return list(found.values())


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


def held_still(ended: list[End], leases: JobLeases, emit: Emit) -> list[End]:
    """Drop the ends of jobs that another worker may have by now; the others are being settled."""
    held = [end for end in ended if leases.holds(end[0])]
    if len(held) < len(ended):
        kept = {id(claim) for claim, _ in held}
        refuse([claim for claim, _ in ended if id(claim) not in kept], emit)
    leases.settling([claim for claim, _ in held], now=True)
    return held


def refuse(claims: Sequence[Claim], emit: Emit) -> None:
    """Report that the ends of attempts are not sent, because their leases are over."""
    emit(ClaimsRefused(claims[0].job.worker or "", tuple(claim.job.id for claim in claims)))


def _place(job_id: str, claims: Iterable[Claim]) -> int | None:
    return next((place for place, one in enumerate(claims) if one.job.id == job_id), None)
