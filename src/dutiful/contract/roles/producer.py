"""The roles of taking jobs in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from dutiful.core.job import NewJob
from dutiful.core.receipt import Receipt

__all__ = ["CallerProducer", "Producer", "Receipt", "SyncProducer", "created"]


def created(receipts: Sequence[Receipt]) -> int:
    """Count the jobs that were stored; one that a batch holds twice is one job."""
    if len(receipts) == 1:
        return int(receipts[0].created)
    return len({receipt.id for receipt in receipts if receipt.created})


class Producer(Protocol):
    """Taking jobs in."""

    async def enqueue(self, jobs: Sequence[NewJob]) -> tuple[Receipt, ...]:
        """Store jobs and return their receipts in the same order. Durable when it returns.

        What is above `Bounds` (the number of jobs, a payload, a delay) is refused with a
        UsageError, and nothing is stored: the caller splits a batch that is too long.

        Atomicity with ATOMIC_BATCH: all or none; with a unique rule of ``on_conflict="raise"``
        that finds a live job, DuplicateJob and none. Without: each job. When the store has taken
        some of them and not the others, PartlyEnqueued names both; only those that failed may be
        sent again. With UNIQUE it has a receipt for each job that another holds the key of. Every
        other error but ReplyUnknown still means that none was stored.

        On lost reply (ReplyUnknown), with IDEMPOTENT_ENQUEUE: call again with the same jobs;
        those whose id is stored already are left alone and count as created. Without: a second
        call stores a second message for each job that the first one stored, and both are given
        out; the caller decides whether a job twice is better than none.
        """
        ...


class SyncProducer(Protocol):
    """Taking jobs in from code that has no event loop."""

    def enqueue_sync(self, jobs: Sequence[NewJob]) -> tuple[Receipt, ...]:
        """Do what `Producer.enqueue` does, in the calling thread; same promises.

        An engine that is not open yet opens itself.
        """
        ...


class CallerProducer(Protocol):
    """Taking jobs in inside the caller's own transaction."""

    def enqueue_on(self, connection: Any, jobs: Sequence[NewJob]) -> tuple[Receipt, ...]:
        """Store jobs on the caller's connection, to commit or roll back with its transaction.

        Atomicity and durability are the caller's. Idle workers find the jobs by the next poll
        when the caller's commit cannot be seen. UsageError for a connection that must be awaited.
        """
        ...

    async def aenqueue_on(self, connection: Any, jobs: Sequence[NewJob]) -> tuple[Receipt, ...]:
        """Do what `enqueue_on` does on an async connection, or on a sync one where it blocks."""
        ...
