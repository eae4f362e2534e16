"""The engine's own async connections, on which plans run."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from time import monotonic
from typing import TypeVar

import psycopg

from dutiful.core.errors import EngineError
from dutiful.engines._sql.statement import Plan, Statement, arun
from dutiful.engines.postgres.statements import Texts, bare, trusted

from .address import Address
from .async_lender import AsyncLender
from .connection import ANSWER_SECONDS, AsyncConnection, aconnect, aexecutor
from .contention import holders, locked_by, repeats
from .errors import Contended, Locked, StatementLost, translated
from .session_settings import begin, settings

T = TypeVar("T")

_ASK_SECONDS, _ASK_CALM_SECONDS = 10.0, 30.0
"""Seconds between questions, and where at most half as much is in use as makes a crowd."""
_CROWDED = 0.7
"""The share of a server's, role's or database's connection limit above which it runs short."""
_DOING = "using the store"


class AsyncPool(AsyncLender[AsyncConnection]):
    """The engine's own async connections, on which plans run."""

    def __init__(self, address: Address, sql: Texts, *, lock_seconds: float) -> None:
        """Open nothing yet; a statement waits for others' locks for ``lock_seconds``."""
        super().__init__(partial(aconnect, address, lock_seconds=lock_seconds), address.connections)
        self._sql = sql
        self._alone = not address.pooler  # there, a setting of ours lasts for a transaction
        wanted = settings(ANSWER_SECONDS, lock_seconds, pinned=True)
        self._begin = "BEGIN" if self._alone else begin(wanted)
        self._crowd = bare("connections_in_use")
        self._ask_at, self._answer = 0.0, False

    async def once(self, plan: Callable[[], Plan[T]], *, writes: bool = False) -> T:
        """Run a plan whose every statement is a transaction of its own, and may be repeated."""
        if not self._alone:
            return await self.run(plan)
        return await self._repeated(lambda one: arun(plan(), aexecutor(one, commits=writes)))

    async def run(self, plan: Callable[[], Plan[T]]) -> T:
        """Run a plan in a transaction; repeat it after a conflict with another transaction."""
        return await self._repeated(lambda one: self._transaction(one, plan))

    async def _crowded(self, connection: AsyncConnection) -> bool:
        """Ask the server, at intervals, whether it runs short of connections."""
        now = monotonic()
        if now >= self._ask_at:
            self._ask_at = now + _ASK_SECONDS
            try:
                answer = await aexecutor(connection)(Statement(self._crowd))
            except EngineError:
                return True
            used = max(used / max(most, 1) for used, most in answer.rows)
            self._answer = used >= _CROWDED
            if used <= _CROWDED / 2:
                self._ask_at = now + _ASK_CALM_SECONDS
        return self._answer

    async def _repeated(self, work: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        """Do work on a connection; after a conflict repeat it as `repeats` says."""
        tries = repeats()
        while True:
            connection = await self.take()
            try:
                return await work(connection)
            except Contended as error:
                if isinstance(error, StatementLost):
                    connection.pgconn.finish()
                pause = next(tries, None)
                if pause is None:
                    raise
            except Locked as error:
                raise await self._named(error, connection) from error
            finally:
                await self.give_back(connection)
            await asyncio.sleep(pause)

    async def _named(self, error: Locked, connection: AsyncConnection) -> Locked:
        """Name the sessions that hold locks now, as far as they are visible."""
        try:
            return locked_by(error, await arun(holders(self._sql), aexecutor(connection)))
        except EngineError:
            return error

    async def _transaction(self, connection: AsyncConnection, plan: Callable[[], Plan[T]]) -> T:
        try:
            with translated(_DOING):
                await connection.execute(trusted(self._begin), prepare=False)
            result = await arun(plan(), aexecutor(connection))
            with translated(_DOING, committing=True):
                await connection.execute("COMMIT")
        except BaseException:
            await _undo(connection)
            raise
        return result


async def _undo(connection: AsyncConnection) -> None:
    """Roll back; close the connection if that fails or is interrupted."""
    try:
        if not connection.closed:
            await connection.execute("ROLLBACK")
    except (psycopg.Error, OSError):
        connection.pgconn.finish()
    except BaseException:
        connection.pgconn.finish()
        raise
