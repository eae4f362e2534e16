"""An attempt's transaction: begun once, shared by all of the task's blocks, undone when late."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from dutiful.contract.roles.transactional import AsyncJobTransaction, JobTransaction
from dutiful.core.errors import ClaimLost
from dutiful.core.settle import Settlement

LATE = "the attempt has ended, and its transaction with it"


class _Progress:
    """How far a transaction has come, and what may follow; asked by threads and coroutines.

    It may be rolled back while it begins, as while that waits for the store's lock in another
    thread: what is opened after that is undone, since no code is left that would end it. A commit
    that runs is left alone: it may have happened already, and the store's answer decides.
    """

    def __init__(self) -> None:
        """Begin nothing yet."""
        self._connection: Any = None
        self._lock = threading.Lock()
        self._over = False
        self._committing = False

    @property
    def begun(self) -> bool:
        """Whether there is anything to commit."""
        return self._connection is not None

    @property
    def over(self) -> bool:
        """Whether it was committed or undone, or is being so."""
        return self._over

    def _opened(self) -> Any:
        """Return the connection of what has begun, or None; ClaimLost after the end."""
        if self._over:
            raise ClaimLost(LATE)
        return self._connection

    def _keep(self, connection: Any) -> bool:
        """Keep the connection of what has begun; False when the end came meanwhile."""
        with self._lock:
            if not self._over:
                self._connection = connection
            return not self._over

    @contextmanager
    def _last_step(self) -> Generator[None]:
        """Commit in this block, unless what has begun was undone meanwhile."""
        with self._lock:
            if self._over:
                raise ClaimLost(LATE)
            self._over = self._committing = True
        try:
            yield
        finally:
            self._committing = False

    def _end(self) -> bool:
        """Let nothing follow; True when something is to be undone."""
        with self._lock:
            self._over = True
            return self.begun and not self._committing


class TransactionGuard(_Progress):
    """A transaction that is begun once and hands out the same connection after that."""

    def __init__(self, inner: JobTransaction) -> None:
        """Begin nothing yet."""
        super().__init__()
        self._inner = inner
        self._turn = threading.Lock()

    def begin(self) -> Any:
        """Begin, or return the connection of what has begun."""
        with self._turn:  # several of the task's threads may enter together
            connection = self._opened()
            if connection is None:
                connection = self._inner.begin()
                if not self._keep(connection):
                    self._inner.rollback()
                    raise ClaimLost(LATE)
            return connection

    def commit(self, settlement: Settlement) -> bool:
        """Settle the job and commit; ClaimLost when what has begun was undone meanwhile."""
        with self._last_step():
            return self._inner.commit(settlement)

    def rollback(self) -> None:
        """Undo what has begun, and what is still beginning."""
        if self._end():
            self._inner.rollback()


class AsyncTransactionGuard(_Progress):
    """The same on a connection that is awaited, on one loop."""

    def __init__(self, inner: AsyncJobTransaction) -> None:
        """Begin nothing yet."""
        super().__init__()
        self._inner = inner
        self._turn = asyncio.Lock()

    async def abegin(self) -> Any:
        """Begin, or return the connection of what has begun."""
        async with self._turn:
            connection = self._opened()
            if connection is None:
                connection = await self._inner.abegin()
                if not self._keep(connection):
                    await self._inner.arollback()
                    raise ClaimLost(LATE)
            return connection

    async def acommit(self, settlement: Settlement) -> bool:
        """Do what `TransactionGuard.commit` does."""
        with self._last_step():
            return await self._inner.acommit(settlement)

    async def arollback(self) -> None:
        """Undo what has begun, and what is still beginning."""
        if self._end():
            await self._inner.arollback()
