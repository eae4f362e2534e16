"""The roles an engine plays, each a protocol of few methods that take and return many jobs.

An engine implements the roles that its capabilities promise. All methods are coroutines for any
event loop, except where a role says otherwise; errors are those of `core.errors`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import msgspec

from dutiful.core.job import AttemptError, Claim, Job
from dutiful.core.settle import Settlement

from .capability import Capability
from .fleet import Renewal, WorkerInfo, WorkerStatus
from .page import DeadGroup, Filter, Finding, Holder, Page, QueueCount
from .producing import Producer, Receipt, SyncProducer
from .transacting import AsyncJobTransaction, JobTransaction, Transactional

__all__ = [
    "AsyncJobTransaction",
    "Consumer",
    "Controller",
    "Exchanged",
    "Fleet",
    "Inspector",
    "JobTransaction",
    "Keeper",
    "Lifecycle",
    "Producer",
    "Receipt",
    "Redrive",
    "SyncProducer",
    "Transactional",
    "Wanted",
]


class Wanted(msgspec.Struct, frozen=True):
    """What a worker asks for: at most ``limit`` jobs of ``queues``, looked at in that order."""

    queues: tuple[str, ...]
    limit: int


class Exchanged(msgspec.Struct, frozen=True):
    """The answer to an exchange."""

    claims: tuple[Claim, ...] = ()
    refused: tuple[str, ...] = ()
    """Ids of jobs whose settlement was refused, because the claim had become stale."""
    due_in: int | None = None
    """Microseconds until the next scheduled job of the wanted queues is due, if known."""
    lost: bool = False
    """Whether the worker itself is no longer registered; nothing was claimed."""
    delayed: tuple[str, ...] = ()
    """Ids of jobs whose settlement was not written, because another session has locked them: send
    it again later."""
    locked_by: str = ""
    """The session that has locked them, if that could be seen."""


class Redrive(msgspec.Struct, frozen=True):
    """One dead or cancelled job to send back, with other arguments if given."""

    id: str
    args: bytes | None = None
    keep_steps: bool = False
    """Whether recorded steps and the idempotency key are kept though the arguments change."""


@runtime_checkable
class Lifecycle(Protocol):
    """Opening, closing and looking after the store."""

    name: str
    capabilities: frozenset[Capability]
    poll: float
    """Seconds after which an idle worker looks for work though nobody woke it."""

    async def open(self, *, create: bool = True) -> tuple[str, ...]:
        """Connect and bring the schema up to date where that is safe.

        Without ``create``, StoreUnusable when there is no store yet. Returns notices that an
        operator should read. Atomicity: each migration is one transaction; many processes may
        open at once. On lost reply: open again.
        """
        ...

    async def close(self) -> None:
        """Give back connections and threads; calling it twice is harmless."""
        ...

    async def migrate(self, *, dry_run: bool = False, contract: bool = False) -> tuple[str, ...]:
        """Apply what is missing of the schema and return the names of those migrations.

        What older releases still need is taken away only when no worker of another release is
        alive, or when ``contract`` says so. Atomicity: each migration is one transaction, or can
        be run again. On lost reply: run it again.
        """
        ...

    async def script(self, *, contract: bool = False) -> str:
        """Return the SQL that `migrate` would run, for people who run it themselves."""
        ...

    async def check(self) -> tuple[Finding, ...]:
        """Look at the store's health; changes nothing."""
        ...


@runtime_checkable
class Consumer(Protocol):
    """Giving jobs out and taking their ends back."""

    async def exchange(
        self, worker: str, settlements: Sequence[Settlement], wanted: Wanted | None
    ) -> Exchanged:
        """Settle ended attempts and claim the next jobs, in one round trip where possible.

        A settlement is written only while its job is running under the claim's fence; else it is
        refused and changes nothing. A settlement that would bring back a job whose cancellation
        was requested cancels it. One whose job another session has locked may be left for later, so
        that it delays no other; it is named in the answer. A claim makes a due job of a queue
        that is not paused running, adds one to its attempts and to its fence. Only a registered
        worker is given claims. Atomicity: each settlement with its error and released unique key;
        each claim; best all together. On lost reply: send the same settlements again (those
        already written by the same fence count as accepted); claims whose reply was
        lost come back by rescue.
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


@runtime_checkable
class Fleet(Protocol):
    """Knowing which workers live; a lease is the worker's, not the job's."""

    async def join(self, info: WorkerInfo) -> None:
        """Register a worker. On lost reply: join again; an id that was lost stays lost."""
        ...

    async def renew(self, worker: str, stalled_for: int = 0) -> Renewal:
        """Prolong a worker's lease from the store's now, and note how long its loop has hung.

        Atomicity: one write, refused once the worker is lost. On lost reply: renew again.
        """
        ...

    async def leave(self, worker: str) -> None:
        """Take a worker off the list; jobs it still holds become abandoned at once."""
        ...

    async def workers(self) -> tuple[WorkerStatus, ...]:
        """List the workers, the lost ones that still hold claims included."""
        ...

    async def expire(self, gone: Sequence[str]) -> tuple[str, ...]:
        """Declare lost every worker whose lease ran out, and those named in ``gone``.

        Returns the ids newly lost. Atomicity: one write for each; a renewal that came first wins.
        """
        ...

    async def abandoned(self, limit: int) -> tuple[Claim, ...]:
        """List running jobs of lost or unknown workers, oldest first; may forget idle lost ones."""
        ...

    async def claimed(self, worker: str) -> tuple[Claim, ...]:
        """List all that a worker holds, so that it can find claims whose reply was lost."""
        ...


@runtime_checkable
class Inspector(Protocol):
    """Looking at jobs; changes nothing."""

    async def get(self, ids: Sequence[str]) -> tuple[Job, ...]:
        """Return the jobs found, in the order asked for; an id may be a unique prefix of 8+."""
        ...

    async def find(self, which: Filter, limit: int, cursor: str | None = None) -> Page:
        """List jobs that match, newest first. Jobs that move between pages may be missed.

        The order is that of enqueueing, or that of the ids, which begin with the time: a job whose
        id does not may stand elsewhere, and an occurrence stands at its planned instant.
        """
        ...

    async def errors(self, job_id: str) -> tuple[AttemptError, ...]:
        """Return what every failed attempt of a job left behind, oldest first."""
        ...

    async def steps(self, job_id: str) -> dict[str, bytes]:
        """Return the recorded steps of a job."""
        ...

    async def queues(self) -> tuple[QueueCount, ...]:
        """Count the jobs of each queue and state; paused queues without jobs included."""
        ...

    async def dead_groups(self) -> tuple[DeadGroup, ...]:
        """Group dead letters by task, reason and last error type, largest first."""
        ...

    async def tally(self) -> dict[str, int]:
        """Count over the store's whole life: ``enqueued``, ``pruned`` and ``purged`` jobs."""
        ...


@runtime_checkable
class Controller(Protocol):
    """Changing jobs and queues by hand. Every method returns the ids that it changed."""

    async def cancel(self, ids: Sequence[str]) -> tuple[str, ...]:
        """Cancel jobs that wait; ask for the end of those that run (their worker obeys)."""
        ...

    async def hurry(self, ids: Sequence[str]) -> tuple[str, ...]:
        """Make scheduled and waiting jobs due now."""
        ...

    async def redrive(self, jobs: Sequence[Redrive]) -> tuple[str, ...]:
        """Send dead or cancelled jobs back to their queues with their attempts and crashes at 0.

        The fence goes on growing, errors are kept, ``meta["redriven"]`` counts. Steps and the
        idempotency key are kept as well, unless the arguments change (`core.replacement`).
        A job whose unique key another live job holds is left dead. Atomicity: each job.
        """
        ...

    async def purge(self, ids: Sequence[str]) -> tuple[str, ...]:
        """Delete jobs that have ended, with their errors and steps."""
        ...

    async def pause(self, queue: str) -> None:
        """Stop claims from a queue; running jobs go on. The queue need not exist yet."""
        ...

    async def resume(self, queue: str) -> None:
        """Allow claims from a queue again and wake workers."""
        ...


@runtime_checkable
class Keeper(Protocol):
    """Keeping the store small."""

    async def prune(self, state: int, older_than: int, limit: int) -> int:
        """Delete up to ``limit`` jobs that ended in ``state`` more than ``older_than`` µs ago.

        Atomicity: one small transaction, which also counts them. On lost reply: call again.
        """
        ...

    async def holders(self) -> tuple[Holder, ...]:
        """Name what has kept dead rows from being cleared away for long; nothing, if nothing."""
        ...
