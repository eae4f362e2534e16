"""The roles of storing new jobs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from dutiful.core.job import NewJob
from dutiful.core.receipt import Receipt

__all__ = ["CallerProducer", "Producer", "Receipt", "SyncProducer", "created"]


def created(receipts: Sequence[Receipt]) -> int:
    """Count the jobs that were stored; a job that is in the batch twice counts once."""
    if len(receipts) == 1:
        return int(receipts[0].created)
    return len({receipt.id for receipt in receipts if receipt.created})


class Producer(Protocol):
    """Stores new jobs."""

    async def enqueue(self, jobs: Sequence[NewJob]) -> tuple[Receipt, ...]:
        """Store jobs and return their receipts in the same order. Durable when it returns.

        If a value is above `Bounds` (the number of jobs, a payload, a delay), UsageError is raised
        and nothing is stored: the caller splits a batch that is too long.

        Atomicity with ATOMIC_BATCH: all or none. If a unique rule with ``on_conflict="raise"``
        finds a live job, DuplicateJob is raised and none is stored. Atomicity without it: each
        job. When the store has accepted some of the jobs and not the others, PartlyEnqueued names
        both; only those that failed may be sent again. With UNIQUE it has a receipt for each job
        whose key another job holds. Every other error but ReplyUnknown always means that none was
        stored.

        On lost reply (ReplyUnknown), with IDEMPOTENT_ENQUEUE: call again with the same jobs; those
        whose id is stored already are left as they are and count as created. Without it: a second
        call stores a second message for each job that the first call stored, and both are given to
        workers; the caller decides whether it is better to run a job twice or not at all.
        """
        ...


class SyncProducer(Protocol):
    """Stores new jobs for code that has no event loop."""

    def enqueue_sync(self, jobs: Sequence[NewJob]) -> tuple[Receipt, ...]:
        """Do what `Producer.enqueue` does, in the calling thread; same promises.

        An engine that is not open yet opens itself.
        """
        ...


class CallerProducer(Protocol):
    """Stores new jobs inside the caller's own transaction."""

    def enqueue_on(self, connection: Any, jobs: Sequence[NewJob]) -> tuple[Receipt, ...]:
        """Store jobs on the caller's connection, to commit or roll back with its transaction.

        Atomicity and durability are those of the caller's transaction. If the engine cannot see the
        commit, idle workers find the jobs at their next poll. UsageError for an async connection.
        """
        ...

    async def aenqueue_on(self, connection: Any, jobs: Sequence[NewJob]) -> tuple[Receipt, ...]:
        """Do what `enqueue_on` does, on an async connection or on a sync one, which blocks."""
        ...
