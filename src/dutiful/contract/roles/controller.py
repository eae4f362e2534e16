"""The role of changing jobs and queues by hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec


class Redrive(msgspec.Struct, frozen=True):
    """One dead or cancelled job to send back, with other arguments if given."""

    id: str
    args: bytes | None = None
    keep_steps: bool = False
    """Whether recorded steps and the idempotency key are kept though the arguments change."""


class Controller(Protocol):
    """Changing jobs and queues by hand. Every method returns the ids that it changed."""

    async def cancel(self, ids: Sequence[str]) -> tuple[str, ...]:
        """Cancel jobs that wait, and request cancellation of those that run, for their workers."""
        ...

    async def run_now(self, ids: Sequence[str]) -> tuple[str, ...]:
        """Make scheduled and waiting jobs due now."""
        ...

    async def redrive(self, jobs: Sequence[Redrive]) -> tuple[str, ...]:
        """Send dead or cancelled jobs back to their queues with their attempts and crashes at 0.

        The fence goes on growing, errors are kept, and ``meta["redriven"]`` counts the redrives.
        Steps and the idempotency key are kept as well, unless the arguments change
        (`core.replacement`). A job is left as it is if another live job holds its unique key.
        Atomicity: each job.
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
