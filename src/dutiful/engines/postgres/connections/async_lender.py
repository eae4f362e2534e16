"""Lends async connections to coroutines and closes those that stay idle."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Generic, TypeVar

import psycopg
from psycopg.pq import TransactionStatus

from dutiful.core.errors import EngineUnavailable

from .connection import usable
from .errors import NoRoom
from .lender import IDLE_SECONDS

C = TypeVar("C", bound="psycopg.AsyncConnection[Any]")

_BUSY_SECONDS = 30.0
_LOOK_SECONDS = 1.0
_LAST_SECONDS = 2.0
"""Seconds that the last connection may be idle when the server runs short of connections."""


class _LoopConnections(Generic[C]):
    def __init__(self, size: int) -> None:
        self.idle: deque[tuple[C, float]] = deque()
        """Idle connections, each with the time since which it is idle; the newest is lent first."""
        self.free = asyncio.Semaphore(size)
        self.lent = 0
        self.returned = asyncio.Event()
        self.trimmer: asyncio.Task[None] | None = None
        self.now = asyncio.get_running_loop().time


class AsyncLender(Generic[C]):
    """A number of connections for each event loop, since a loop cannot use another's."""

    def __init__(self, opener: Callable[[], Awaitable[C]], size: int) -> None:
        """Open nothing yet."""
        self._opener = opener
        self._size = size
        self._loops: dict[asyncio.AbstractEventLoop, _LoopConnections[C]] = {}
        self._lent: dict[C, _LoopConnections[C]] = {}
        """The owner of each lent connection; `close` may have been called since it was lent."""

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
            connection = _usable(mine) or await self._opened(mine)
        except BaseException:
            mine.free.release()
            raise
        mine.lent += 1
        self._lent[connection] = mine
        return connection

    async def _opened(self, mine: _LoopConnections[C]) -> C:
        """Open another connection; if the server has none left, wait for one that is lent."""
        ended = mine.now() + _BUSY_SECONDS
        while True:
            try:
                return await self._opener()
            except NoRoom:
                if not mine.lent or mine.now() >= ended:
                    raise
            mine.returned.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(1.0):
                    await mine.returned.wait()
            if (connection := _usable(mine)) is not None:
                return connection

    async def give_back(self, connection: C) -> None:
        """Take a connection back; one in an unknown state, or after `close`, is closed."""
        mine = self._lent.pop(connection)
        try:
            if await self._fit(connection) and mine is self._loops.get(asyncio.get_running_loop()):
                mine.idle.append((connection, mine.now()))
                self._trim_later(mine)
            else:
                connection.pgconn.finish()
        except BaseException:
            connection.pgconn.finish()
            raise
        finally:
            mine.lent -= 1
            mine.returned.set()
            mine.free.release()

    def close(self) -> None:
        """Close idle connections, and those in use as soon as they are given back."""
        loops, self._loops = self._loops, {}
        for mine in loops.values():
            for connection, _ in mine.idle:
                connection.pgconn.finish()
        with suppress(RuntimeError):  # only its own loop may cancel a task
            here = loops.get(asyncio.get_running_loop())
            if here is not None and here.trimmer is not None:
                here.trimmer.cancel()

    async def _fit(self, connection: C) -> bool:
        """Whether a connection may be used again."""
        return connection.pgconn.transaction_status == TransactionStatus.IDLE

    async def _crowded(self, connection: C) -> bool:
        """Whether other clients may need the server's slot of the last idle connection."""
        return True

    def _trim_later(self, mine: _LoopConnections[C]) -> None:
        if mine.trimmer is None or mine.trimmer.done():
            mine.trimmer = asyncio.get_running_loop().create_task(self._trim(mine))

    async def _trim(self, mine: _LoopConnections[C]) -> None:
        """Close connections that have been idle for a while."""
        while mine.idle:
            await asyncio.sleep(_LOOK_SECONDS)
            while mine.idle and mine.now() - mine.idle[0][1] > _idle_seconds(mine):
                connection, since = mine.idle.popleft()
                try:
                    kept = not (mine.idle or mine.lent) and not await self._crowded(connection)
                except BaseException:
                    connection.pgconn.finish()
                    raise
                if kept:
                    mine.idle.appendleft((connection, since))
                    return
                connection.pgconn.finish()

    def _mine(self) -> _LoopConnections[C]:
        loop = asyncio.get_running_loop()
        if loop not in self._loops:
            for old in [one for one in self._loops if one.is_closed()]:
                for connection, _ in self._loops.pop(old).idle:
                    connection.pgconn.finish()
            self._loops[loop] = _LoopConnections(self._size)
        return self._loops[loop]


def _idle_seconds(mine: _LoopConnections[C]) -> float:
    """Return how many seconds a connection may be idle; the last one is checked sooner."""
    return IDLE_SECONDS if len(mine.idle) > 1 or mine.lent else _LAST_SECONDS


def _usable(mine: _LoopConnections[C]) -> C | None:
    while mine.idle:
        connection, _ = mine.idle.pop()
        if usable(connection):
            return connection
        connection.pgconn.finish()
    return None
