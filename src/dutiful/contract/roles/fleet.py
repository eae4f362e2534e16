"""The roles of knowing which workers are alive, and of renewing leases."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol

import msgspec

from dutiful.core.job import Claim
from dutiful.core.worker_report import Order, WorkerReport


class WorkerInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker says about itself when it registers."""

    id: str
    queues: tuple[str, ...]
    concurrency: int
    lease: int
    """Microseconds."""
    host: str = ""
    """Name of the host and of what shares its process numbers; see `worker.process`."""
    pid: int = 0
    born: int = 0
    """When the process started, in the kernel's own units: distinguishes processes of one pid."""
    version: str = ""


class WorkerStatus(msgspec.Struct, frozen=True, kw_only=True):
    """A worker as the store knows it."""

    info: WorkerInfo
    joined_at: int
    renewed_at: int
    silent_for: int
    """Microseconds since the last renewal, by the store's clock."""
    stalled_for: int = 0
    """Microseconds for which its loop had not answered at the last renewal; 0 if it was in time."""
    running: int
    """How many claims it holds."""
    lost: bool = False
    unreadable: str | None = None
    """The names of columns that cannot be read; safe values stand in their place."""
    report: WorkerReport | None = None
    """What it said with its last renewal; None from an older release, or before the first."""
    ordered: Order | None = None
    """What it is ordered to do."""

    @property
    def overdue(self) -> bool:
        """Whether its lease is over, though it has not been declared lost yet."""
        return not self.lost and self.silent_for > self.info.lease

    @property
    def alive(self) -> bool:
        """Whether its lease holds."""
        return not (self.lost or self.overdue)

    @property
    def state(self) -> str:
        """``lost``, ``overdue``, or what it reports; ``serving`` where it reports nothing."""
        if self.lost:
            return "lost"
        if self.overdue:
            return "overdue"
        return "serving" if self.report is None else self.report.state

    @property
    def hung(self) -> bool:
        """Whether it reported with its last renewal that it hangs."""
        return self.report is not None and self.report.state == "hung"

    @property
    def serves(self) -> bool:
        """Whether it takes jobs: its lease holds, and it is neither hung nor ordered otherwise."""
        return self.state == "serving" and self.ordered is None


class Renewal(msgspec.Struct, frozen=True):
    """The store's answer to a heartbeat."""

    valid: bool
    """False when the worker was declared lost: its claims are gone, it must stop and rejoin."""
    cancels: tuple[str, ...] = ()
    """Ids of its running jobs whose cancellation was requested."""
    calm: bool = False
    """Whether the store saw no long silent worker, and no running job without a live worker."""
    at: int | None = None
    """The ticks at which the lease began, where the store reads them on the worker's host."""
    lost: tuple[str, ...] = ()
    """Ids of jobs whose own lease is over (`LeaseOwner.JOB`): this worker must stop them."""
    order: Order | None = None
    """What the worker is ordered to do, as long as it is; None: serve."""


class Leases(Protocol):
    """Renews leases, so that the jobs of a live worker are not given to another one."""

    async def renew(
        self,
        worker: str,
        *,
        claims: Sequence[Claim] = (),
        lease: int = 0,
        stalled_for: int = 0,
        report: str | None = None,
    ) -> Renewal:
        """Renew leases, counted from the store's present instant.

        With `LeaseOwner.WORKER` the worker's own lease, by the length that it joined with;
        ``stalled_for`` records for how many microseconds its event loop has not answered. An engine
        with ORDERS also keeps ``report`` (`core.worker_report`), and the one before where it is
        None; other engines are given none. With `LeaseOwner.JOB` the lease of each of ``claims``,
        by ``lease`` microseconds; claims whose lease is over are named in the answer.
        Atomicity: one write for each lease, refused once it is lost. On lost reply: renew again.
        """
        ...


class Fleet(Protocol):
    """Knows which workers are alive, where the lease is the worker's."""

    async def join(self, info: WorkerInfo) -> None:
        """Register a worker. On lost reply: join again; an id that was lost stays lost."""
        ...

    async def leave(self, worker: str) -> None:
        """Unregister a worker; the jobs that it still holds are abandoned from that moment."""
        ...

    async def workers(self) -> tuple[WorkerStatus, ...]:
        """List the workers, the lost ones that still hold claims included."""
        ...

    async def expire(self, gone: Sequence[str]) -> tuple[str, ...]:
        """Declare lost every worker whose lease is over, and those named in ``gone``.

        Returns the ids of the workers that this call declared lost. Atomicity: one write for each
        worker; a renewal that was written first wins.
        """
        ...

    async def abandoned(self, limit: int) -> tuple[Claim, ...]:
        """List running jobs of lost or unknown workers, oldest first.

        May delete the rows of lost workers that hold no job.
        """
        ...

    async def claimed(self, worker: str, known: Collection[str] = ()) -> tuple[Claim, ...]:
        """List the claims that a worker holds, so that it can find those whose reply was lost.

        Jobs whose ids are in ``known`` are left out. Their rows should not be read, since a worker
        asks this regularly and has usually missed nothing.
        """
        ...
