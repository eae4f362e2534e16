"""The role of giving jobs to workers and settling them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec

from dutiful.core.job import Claim
from dutiful.core.settle import Settlement


class Wanted(msgspec.Struct, frozen=True):
    """A worker's request: at most ``limit`` jobs of ``queues``, which are searched in order."""

    queues: tuple[str, ...]
    limit: int
    lease: int = 0
    """Microseconds for which each job is claimed, with `LeaseOwner.JOB`; an engine that cannot be
    asked for a length must claim for at least as long as its workers' leases."""


class Exchanged(msgspec.Struct, frozen=True):
    """The answer to an exchange."""

    claims: tuple[Claim, ...] = ()
    refused: tuple[str, ...] = ()
    """Ids of jobs whose settlement was refused, because the claim had become stale."""
    due_in: int | None = None
    """Microseconds until the next scheduled job of the wanted queues is due, if known."""
    lost: bool = False
    """Whether the worker itself is no longer registered, or, with `LeaseOwner.SERVER`, no longer
    connected as it was when it claimed; nothing was claimed."""
    delayed: tuple[str, ...] = ()
    """Ids of jobs whose settlement was not written, because another session has locked the jobs or
    because the store failed for these jobs alone: send the settlements again later."""
    locked_by: str = ""
    """The session that has locked those jobs, if it could be found out."""


class Consumer(Protocol):
    """Gives jobs to workers and settles them."""

    async def exchange(
        self, worker: str, settlements: Sequence[Settlement], wanted: Wanted | None
    ) -> Exchanged:
        """Settle ended attempts and claim the next jobs, in one round trip where possible.

        A settlement is written only while its job is running under the claim's fence; otherwise it
        is refused and changes nothing. (Without FENCED it may be accepted; then it does not affect
        a later attempt.) If cancellation of a job was requested, a settlement that would make the
        job due again cancels it. A settlement that the store cannot write now may be left for
        later, so that it does not delay the others; it is named in the answer. A claim takes a due
        job of a queue that is not paused, makes it running, and adds one to its attempts and to its
        fence. With FLEET, only a registered worker is given claims. One call gives out at most
        `Bounds.batch` jobs; the number of settlements has no bound.

        With LOGS, what the attempt logged (`Claim.log`) is added to what is stored of the job
        (`core.task_log.joined`).

        Atomicity: each settlement with its error, its lines and the release of its unique key; each
        claim; preferably all of them together. On lost reply: send the same settlements again
        (those already written by the same fence count as accepted). Claims whose reply was lost
        come back by rescue, or when the leases of the jobs are over.
        """
        ...

    async def wait(self, queues: Sequence[str], seconds: float) -> None:
        """Return when there may be work in ``queues``, at the latest after ``seconds``.

        May return early without work. Cancelling it loses nothing.
        """
        ...

    async def record_step(self, claim: Claim, name: str, result: bytes) -> bool:
        """Store a step's result if the claim still holds; False when it does not.

        Atomicity: one write. On lost reply: record it again; the first result is kept.
        """
        ...
