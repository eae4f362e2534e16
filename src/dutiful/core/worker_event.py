"""What happens to workers; a part of the events of `core.event`."""

from __future__ import annotations

import msgspec


class WorkerJoined(msgspec.Struct, frozen=True, tag=True):
    """A worker registered and may claim."""

    worker: str
    queues: tuple[str, ...]


class WorkerLeft(msgspec.Struct, frozen=True, tag=True):
    """A worker drained and removed its registration."""

    worker: str
    released: int = 0


class WorkerLost(msgspec.Struct, frozen=True, tag=True):
    """A worker fell silent or its process has ended; its jobs are rescued."""

    worker: str
    why: str


class WorkerStalled(msgspec.Struct, frozen=True, tag=True):
    """A worker's loop has not answered for this time: some code blocks it, or it hangs."""

    worker: str
    seconds: float


class WorkerHung(msgspec.Struct, frozen=True, tag=True):
    """A worker hangs and ends by itself if it can: emitted by itself, and by each other worker."""

    worker: str
    reason: str
    job_id: str = ""
    """The job that blocks its loop, if that is known."""
    task: str = ""


class WorkerQuieted(msgspec.Struct, frozen=True, tag=True):
    """A worker was ordered to claim no jobs; those that it runs go on."""

    worker: str


class WorkerResumed(msgspec.Struct, frozen=True, tag=True):
    """A worker that was quiet claims jobs again."""

    worker: str


class WorkerDraining(msgspec.Struct, frozen=True, tag=True):
    """A worker begins to end: it claims nothing more, and its jobs get the grace period."""

    worker: str
    running: int
    ordered: bool = False
    """Whether an order of `dutiful workers drain` is the reason."""


class LeaseLost(msgspec.Struct, frozen=True, tag=True):
    """This worker could not renew in time and stopped its own jobs."""

    worker: str
    stopped: int
