"""The role of committing a task's own writes together with its completion."""

from __future__ import annotations

from typing import Any, Protocol

from dutiful.core.job import Claim
from dutiful.core.settle import Settlement


class Transactional(Protocol):
    """Commits a task's own writes together with its completion."""

    def transaction(self, claim: Claim) -> JobTransaction:
        """Prepare a transaction in which the task writes and its job is settled.

        Called and used in one thread at a time; nothing is opened before ``begin``.
        """
        ...

    def atransaction(self, claim: Claim) -> AsyncJobTransaction | None:
        """Prepare one for a coroutine; None where the coroutine uses the sync one in a thread.

        Engines with ``AWAITED_TRANSACTION`` return one.
        """
        ...


class JobTransaction(Protocol):
    """A transaction that ends with the settlement of its job."""

    def begin(self) -> Any:
        """Open it and return the connection that the task writes with; may block."""
        ...

    def commit(self, settlement: Settlement) -> bool:
        """Settle the job and commit; False, with everything undone, when the claim is stale.

        On lost reply: ReplyUnknown; the job's state shows whether the transaction was committed.
        """
        ...

    def rollback(self) -> None:
        """Undo everything; harmless when nothing is open."""
        ...


class AsyncJobTransaction(Protocol):
    """A `JobTransaction` whose connection is awaited, on the loop that runs the task."""

    async def abegin(self) -> Any:
        """Open it and return the connection that the task awaits; if cancelled, none stays open."""
        ...

    async def acommit(self, settlement: Settlement) -> bool:
        """Do what `JobTransaction.commit` does."""
        ...

    async def arollback(self) -> None:
        """Undo everything; harmless when nothing is open."""
        ...
