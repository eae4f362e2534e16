"""An attempt's transaction: begun once, shared by all of the task's blocks, undone when late."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

from dutiful.contract.roles.transactional import AsyncJobTransaction, JobTransaction
from dutiful.core.errors import ClaimLost
from dutiful.core.settle import Settlement

LATE = "the attempt has ended, and its transaction with it"


class TransactionGuard:
    """A transaction that is begun once and hands out the same connection after that.

    It may be rolled back while `begin` still waits for the store's lock in another thread: what
    is opened after that is undone at once, for nobody is left to end it. A commit that runs is
    left alone: it may have happened already, and the store's answer decides.
    """

    def __init__(self, inner: JobTransaction) -> None:
        """Begin nothing yet."""
        self._inner = inner
        self._connection: Any = None
        self._turn = threading.Lock()
        self._guard = threading.Lock()
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

    def begin(self) -> Any:
        """Begin, or return the connection of what has begun."""
        with self._turn:  # several of the task's threads may enter at once
            if self._over:
                raise ClaimLost(LATE)
            if self._connection is not None:
                return self._connection
            connection = self._inner.begin()
            with self._guard:
                if not self._ended():
                    self._connection = connection
                    return connection
            self._inner.rollback()
            raise ClaimLost(LATE)

    def _ended(self) -> bool:
        """Ask again: the attempt may end while its transaction begins."""
        return self._over

    def commit(self, settlement: Settlement) -> bool:
        """Settle the job and commit, unless what has begun was undone meanwhile."""
        with self._guard:
            if self._over:
                raise ClaimLost(LATE)
            self._over = self._committing = True
        try:
            return self._inner.commit(settlement)
        finally:
            self._committing = False

    def rollback(self) -> None:
        """Undo what has begun, and what is still beginning."""
        with self._guard:
            self._over = True
            undo = self.begun and not self._committing
        if undo:
            self._inner.rollback()


class AsyncTransactionGuard:
    """The same on a connection that is awaited, on one loop."""

    def __init__(self, inner: AsyncJobTransaction) -> None:
        """Begin nothing yet."""
        self._inner = inner
        self._connection: Any = None
        self._turn = asyncio.Lock()
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

    async def abegin(self) -> Any:
        """Begin, or return the connection of what has begun."""
        async with self._turn:
            if self._over:
                raise ClaimLost(LATE)
            if self._connection is None:
                connection = await self._inner.abegin()
                if self._ended():
                    await self._inner.arollback()
                    raise ClaimLost(LATE)
                self._connection = connection
            return self._connection

    def _ended(self) -> bool:
        """Ask again, as `TransactionGuard` does."""
        return self._over

    async def acommit(self, settlement: Settlement) -> bool:
        """Settle the job and commit, unless what has begun was undone meanwhile."""
        if self._over:
            raise ClaimLost(LATE)
        self._over = self._committing = True
        try:
            return await self._inner.acommit(settlement)
        finally:
            self._committing = False

    async def arollback(self) -> None:
        """Undo what has begun, and what is still beginning."""
        self._over = True
        if self.begun and not self._committing:
            await self._inner.arollback()
