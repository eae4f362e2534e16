"""Async connections: lent to coroutines for a transaction, or for plans that a loop awaits."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Generic, NoReturn, TypeVar

import psycopg
from psycopg.pq import TransactionStatus

from dutiful.contract.statement import Plan, arun
from dutiful.core.errors import EngineUnavailable, UsageError

from .address import Address
from .connection import ENDED, RESET, AsyncConnection, aconnect, aexecutor, options_of, usable
from .faults import told

T = TypeVar("T")
C = TypeVar("C", bound="psycopg.AsyncConnection[Any]")

_BUSY_SECONDS = 30.0


class AsyncTaskConnection(psycopg.AsyncConnection[Any]):
    """A plain async connection that leaves the end of its transaction to the job."""

    async def commit(self) -> NoReturn:
        """Refuse: the job's settlement has to be part of it."""
        raise UsageError(ENDED)

    async def rollback(self) -> NoReturn:
        """Refuse: raise an error in the task instead."""
        raise UsageError(ENDED)

    async def close(self) -> NoReturn:
        """Refuse: the job still needs it."""
        raise UsageError(ENDED)

    async def __aexit__(self, *error: object) -> None:
        """Leave an ``async with`` block without committing."""


class _Loop(Generic[C]):
    def __init__(self, size: int) -> None:
        self.idle: deque[C] = deque()
        self.free = asyncio.Semaphore(size)


class AsyncLender(Generic[C]):
    """Up to so many connections for each event loop, for a loop cannot use another's."""

    def __init__(self, opener: Callable[[], Awaitable[C]], size: int) -> None:
        """Open nothing yet."""
        self._opener = opener
        self._size = size
        self._loops: dict[asyncio.AbstractEventLoop, _Loop[C]] = {}

    async def take(self) -> C:
        """Lend a connection; waits while all are lent."""
        mine = self._mine()
        try:
            async with asyncio.timeout(_BUSY_SECONDS):
                await mine.free.acquire()
        except TimeoutError:
            raise EngineUnavailable(
                f"all {self._size} connections of this loop have been busy for "
                f"{_BUSY_SECONDS:g} s; raise connections= in the URL, or keep transactions short"
            ) from None
        try:
            while mine.idle:
                connection = mine.idle.pop()
                if usable(connection):
                    return connection
                connection.pgconn.finish()
            return await self._opener()
        except BaseException:
            mine.free.release()
            raise

    async def give_back(self, connection: C) -> None:
        """Take a connection back, as new; one in an unknown state is closed."""
        mine = self._mine()
        try:
            if await self._fit(connection):
                mine.idle.append(connection)
            else:
                connection.pgconn.finish()
        except BaseException:
            connection.pgconn.finish()
            raise
        finally:
            mine.free.release()

    def close(self) -> None:
        """Close what is idle."""
        loops, self._loops = self._loops, {}
        for mine in loops.values():
            for connection in mine.idle:
                connection.pgconn.finish()

    async def _fit(self, connection: C) -> bool:
        """Whether a connection may be used again."""
        return connection.pgconn.transaction_status == TransactionStatus.IDLE

    def _mine(self) -> _Loop[C]:
        loop = asyncio.get_running_loop()
        if loop not in self._loops:
            for old in [one for one in self._loops if one.is_closed()]:
                for connection in self._loops.pop(old).idle:
                    connection.pgconn.finish()
            self._loops[loop] = _Loop(self._size)
        return self._loops[loop]


class TaskConnections(AsyncLender[AsyncTaskConnection]):
    """What tasks write on."""

    def __init__(self, address: Address) -> None:
        """Open nothing yet."""
        super().__init__(partial(_for_task, address), address.connections)

    async def _fit(self, connection: AsyncTaskConnection) -> bool:
        """Undo what the task did to its session."""
        try:
            async with asyncio.timeout(1.0):
                if connection.info.transaction_status is not TransactionStatus.IDLE:
                    await connection.execute("ROLLBACK")
                await connection.execute(RESET, prepare=False)
        except (psycopg.Error, OSError, TimeoutError):
            return False
        return True


class AsyncPool(AsyncLender[AsyncConnection]):
    """Connections of the engine's own on which plans are awaited."""

    def __init__(self, address: Address) -> None:
        """Open nothing yet."""
        super().__init__(partial(aconnect, address), address.connections)

    async def once(self, plan: Callable[[], Plan[T]], *, writes: bool = False) -> T:
        """Run a plan whose every statement is a transaction of its own."""
        connection = await self.take()
        try:
            return await arun(plan(), aexecutor(connection, commits=writes))
        finally:
            await self.give_back(connection)


async def _for_task(address: Address) -> AsyncTaskConnection:
    try:
        return await AsyncTaskConnection.connect(address.conninfo, **options_of(address))
    except (psycopg.Error, OSError) as error:
        raise told(error, f"connecting to {address.shown}") from error
