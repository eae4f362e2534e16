"""Records about workers: who they are, what they report, what a renewal tells them."""

from __future__ import annotations

import msgspec


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
