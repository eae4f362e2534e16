"""The roles of knowing which workers live, and of prolonging leases."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol

import msgspec

from dutiful.core.job import Claim


class WorkerInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A worker as it introduces itself."""

    id: str
    queues: tuple[str, ...]
    concurrency: int
    lease: int
    """Microseconds."""
    host: str = ""
    """Name of the host and of what shares its process numbers; see `worker.process`."""
    pid: int = 0
    born: int = 0
    """The process's start, in the kernel's own count, so that a reused pid is not mistaken."""
    version: str = ""


class WorkerStatus(msgspec.Struct, frozen=True, kw_only=True):
    """A worker as the store knows it."""

    info: WorkerInfo
    joined_at: int
    renewed_at: int
    silent_for: int
    """Microseconds since the last renewal, by the store's clock."""
    stalled_for: int = 0
    """Microseconds for which its loop had not answered when it last renewed: it hangs."""
    running: int
    """How many claims it holds."""
    lost: bool = False
    unreadable: str | None = None
    """The names of columns that cannot be read; safe values stand in their place."""

    @property
    def overdue(self) -> bool:
        """Whether its lease is over, though it has not been declared lost yet."""
        return not self.lost and self.silent_for > self.info.lease

    @property
    def alive(self) -> bool:
        """Whether its lease holds."""
        return not (self.lost or self.overdue)


class Renewal(msgspec.Struct, frozen=True):
    """The store's answer to a heartbeat."""

    valid: bool
    """False when the worker was declared lost: its claims are gone, it must stop and rejoin."""
    cancels: tuple[str, ...] = ()
    """Ids of its running jobs that somebody asked to cancel."""
    calm: bool = False
    """Whether the store saw nobody silent for long and no job without a live worker."""
    at: int | None = None
    """The ticks from which the lease counts, where the store reads them on the worker's host."""
    lost: tuple[str, ...] = ()
    """Ids of jobs whose own lease is over (`LeaseOwner.JOB`): this worker must stop them."""


class Leases(Protocol):
    """Keeping what a worker runs from being given to another, while it lives."""

    async def renew(
        self, worker: str, *, claims: Sequence[Claim] = (), lease: int = 0, stalled_for: int = 0
    ) -> Renewal:
        """Prolong leases from the store's now.

        With `LeaseOwner.WORKER` the worker's own lease, by the length that it joined with;
        ``stalled_for`` notes for how many microseconds its loop has not answered. With
        `LeaseOwner.JOB` that of each of ``claims``, by ``lease`` microseconds; those that are over
        are named in the answer.
        Atomicity: one write for each lease, refused once it is lost. On lost reply: renew again.
        """
        ...


class Fleet(Protocol):
    """Knowing which workers live, where the lease is the worker's."""

    async def join(self, info: WorkerInfo) -> None:
        """Register a worker. On lost reply: join again; an id that was lost stays lost."""
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

    async def claimed(self, worker: str, known: Collection[str] = ()) -> tuple[Claim, ...]:
        """List what a worker holds, so that it can find claims whose reply was lost.

        Jobs whose ids are ``known`` are left out; best their rows are not read at all, since a
        worker that has missed nothing asks regularly.
        """
        ...
