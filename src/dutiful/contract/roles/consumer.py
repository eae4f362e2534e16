"""The role of giving jobs out and taking their ends back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec

from dutiful.core.job import Claim
from dutiful.core.settle import Settlement


class Wanted(msgspec.Struct, frozen=True):
    """What a worker asks for: at most ``limit`` jobs of ``queues``, looked at in that order."""

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
    """Ids of jobs whose settlement was not written, because another session has locked them, or
    because the store failed for them alone: send it again later."""
    locked_by: str = ""
    """The session that has locked them, if that could be seen."""


class Consumer(Protocol):
    """Giving jobs out and taking their ends back."""

    async def exchange(
        self, worker: str, settlements: Sequence[Settlement], wanted: Wanted | None
    ) -> Exchanged:
        """Settle ended attempts and claim the next jobs, in one round trip where possible.

        A settlement is written only while its job is running under the claim's fence; else it is
        refused and changes nothing. (Without FENCED it may be accepted; it changes nothing of what
        a later attempt does.) A settlement that would bring back a job whose cancellation was
        requested cancels it. One that the store cannot write now may be left for later, so that it
        delays no other; it is named in the answer. A claim makes a due job of a queue that is not
        paused running, adds one to its attempts and to its fence. With FLEET, only a registered
        worker is given claims. At most `Bounds.batch` jobs are given out by one call; the number of
        settlements has no bound.

        Atomicity: each settlement with its error and released unique key;
        each claim; best all together. On lost reply: send the same settlements again (those
        already written by the same fence count as accepted); claims whose reply was
        lost come back by rescue, or when the leases of the jobs are over.
        """
        ...

    async def wait(self, queues: Sequence[str], seconds: float) -> None:
        """Return when there may be work in ``queues``, at the latest after ``seconds``.

        May return early without work. Cancelling it loses nothing.
        """
        ...

    async def record_step(self, claim: Claim, name: str, result: bytes) -> bool:
        """Keep a step's result, if the claim still holds; False when it does not.

        Atomicity: one write. On lost reply: record it again; the first result stays.
        """
        ...
