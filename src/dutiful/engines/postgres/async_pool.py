"""Async connections that are lent to coroutines for the length of a transaction."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any, NoReturn

import psycopg
from psycopg.pq import TransactionStatus

from dutiful.core.errors import EngineUnavailable, UsageError

from .address import Address
from .connection import ENDED, RESET, options_of
from .faults import told

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


class _Loop:
    def __init__(self, size: int) -> None:
        self.idle: deque[AsyncTaskConnection] = deque()
        self.free = asyncio.Semaphore(size)


class AsyncLender:
    """Up to so many connections for each event loop, for a loop cannot use another's."""

    def __init__(self, address: Address) -> None:
        """Open nothing yet."""
        self._address = address
        self._loops: dict[asyncio.AbstractEventLoop, _Loop] = {}

    async def take(self) -> AsyncTaskConnection:
        """Lend a connection; waits while all are lent."""
        mine = self._mine()
        try:
            async with asyncio.timeout(_BUSY_SECONDS):
                await mine.free.acquire()
        except TimeoutError:
            raise EngineUnavailable(
                f"all connections for tasks have been busy for {_BUSY_SECONDS:g} s; raise "
                "connections= in the URL, or keep transactions short"
            ) from None
        try:
            while mine.idle:
                connection = mine.idle.pop()
                if not connection.closed:
                    return connection
            return await AsyncTaskConnection.connect(
                self._address.conninfo, **options_of(self._address)
            )
        except (psycopg.Error, OSError) as error:
            mine.free.release()
            raise told(error, f"connecting to {self._address.shown}") from error
        except BaseException:
            mine.free.release()
            raise

    async def give_back(self, connection: AsyncTaskConnection) -> None:
        """Take a connection back, as new; one in an unknown state is closed."""
        mine = self._mine()
        try:
            async with asyncio.timeout(1.0):
                if connection.info.transaction_status is not TransactionStatus.IDLE:
                    await connection.execute("ROLLBACK")
                await connection.execute(RESET, prepare=False)
            mine.idle.append(connection)
        except (psycopg.Error, OSError, TimeoutError):
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

    def _mine(self) -> _Loop:
        loop = asyncio.get_running_loop()
        if loop not in self._loops:
            for old in [one for one in self._loops if one.is_closed()]:
                for connection in self._loops.pop(old).idle:
                    connection.pgconn.finish()
            self._loops[loop] = _Loop(self._address.connections)
        return self._loops[loop]
