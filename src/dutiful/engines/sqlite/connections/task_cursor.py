"""Cursors of a task's connection, which are closed at the end of its transaction.

Whether a statement would end the transaction is decided from its text. An authorizer would be more
exact, but SQLite calls it while it holds its mutex. The call would wait for the interpreter's lock,
which another thread of the task may hold while it waits for the mutex: a deadlock.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterable
from functools import lru_cache, wraps
from typing import Any, NoReturn, ParamSpec, Self, TypeVar

from dutiful.core.errors import UsageError

P = ParamSpec("P")
R = TypeVar("R")

ENDED = (
    "the transaction belongs to the job: it is committed when the task returns and rolled back "
    "when it raises; leave out commit(), rollback() and executescript(), use SAVEPOINT for parts"
)
CLOSED = (
    "the connection of ctx.transaction() is closed: the attempt has ended, or the transaction was "
    "open for too long (5 s, or half of the lease); do the slow part before it"
)
_SKIPPED = r"(?:[\s;\ufeff]|--[^\n]*+(?:\n|$)|/\*(?>.*?\*/))*+"
_ENDING = re.compile(
    rf"{_SKIPPED}(?:BEGIN|COMMIT|END|ROLLBACK(?!{_SKIPPED}(?:TRANSACTION\b{_SKIPPED})?TO\b))\b",
    re.IGNORECASE | re.DOTALL,
)


def _counted(call: Callable[P, R]) -> Callable[P, R]:
    """Count a cursor as in use during a call, so that the end does not close it."""

    @wraps(call)
    def counted(*args: P.args, **options: P.kwargs) -> R:
        cursor: Any = args[0]
        owner = cursor.connection  # a TaskConnection
        inside, key = owner.inside, id(cursor)
        inside.append(key)  # before the check of `over`: the thread that sets it checks this later
        try:
            if owner.over:
                raise sqlite3.ProgrammingError(CLOSED)
            answer = call(*args, **options)
        except (StopIteration, SystemError) as error:
            if owner.over:  # the rollback is the cause, not the statement's own error
                raise sqlite3.OperationalError("interrupted") from error
            raise
        finally:
            inside.remove(key)
            if owner.over:
                owner.left()
        if owner.over:
            raise sqlite3.OperationalError("interrupted")
        return answer

    return counted


class TaskCursor(sqlite3.Cursor):
    """A cursor that its connection can close."""

    @_counted
    def execute(self, sql: str, parameters: Any = (), /) -> Self:
        """Run a statement that leaves the transaction open."""
        _check(self.connection, sql)
        return super().execute(sql, parameters)

    @_counted
    def executemany(self, sql: str, parameters: Iterable[Any], /) -> Self:
        """Run a statement for each of many rows."""
        _check(self.connection, sql)
        return super().executemany(sql, parameters)

    def executescript(self, sql_script: str, /) -> NoReturn:
        """Refuse: it would first commit."""
        raise UsageError(ENDED)

    @_counted
    def fetchone(self) -> Any:
        """Return the next row."""
        return super().fetchone()

    @_counted
    def fetchmany(self, size: int | None = None) -> list[Any]:
        """Return some of the next rows."""
        return super().fetchmany(self.arraysize if size is None else size)

    @_counted
    def fetchall(self) -> list[Any]:
        """Return all further rows."""
        return super().fetchall()

    @_counted
    def __next__(self) -> Any:
        """Return the next row, or end the loop."""
        return super().__next__()


def _check(connection: sqlite3.Connection, sql: str) -> None:
    """Refuse a statement that would end the transaction, or come after its end."""
    if not connection.in_transaction:
        raise UsageError(
            "a statement of the task has undone the transaction (OR ROLLBACK, RAISE(ROLLBACK), "
            "a full disk), and nothing can be added to it; let the task fail"
        )
    if _ENDING.match(sql):
        raise UsageError(ENDED)


@lru_cache(16)
def taken_back(factory: Any) -> type[TaskCursor]:
    """Return a class of such cursors for a cursor class of the task."""
    if not (isinstance(factory, type) and issubclass(factory, sqlite3.Cursor)):
        raise UsageError("a cursor of ctx.transaction() needs a class of sqlite3.Cursor, or none")
    if issubclass(factory, TaskCursor):
        return factory
    return type(factory.__name__, (TaskCursor, factory), {"__hash__": object.__hash__})
