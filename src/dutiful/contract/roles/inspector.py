"""The role of looking at jobs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from dutiful.contract.page import DeadGroup, Filter, JobPage, QueueCount
from dutiful.core.job import AttemptError, Job


class Inspector(Protocol):
    """Looking at jobs; changes nothing."""

    async def get(self, ids: Sequence[str]) -> tuple[Job, ...]:
        """Return the jobs found, in the order asked for; an id may be a unique prefix of 8+."""
        ...

    async def find(self, which: Filter, limit: int, cursor: str | None = None) -> JobPage:
        """List jobs that match, newest first. Jobs that move between pages may be missed.

        The order is that of enqueueing, or that of the ids, which begin with the time. In the
        second case a job whose id does not begin with the time may be listed elsewhere, and the
        job of an occurrence is listed at its planned instant.
        """
        ...

    async def errors(self, job_id: str) -> tuple[AttemptError, ...]:
        """Return the recorded error of each failed attempt of a job, oldest first."""
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
