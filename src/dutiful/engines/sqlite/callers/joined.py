"""The caller's own connection: its checks, and the savepoint for our statements."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import Any

from dutiful.core.errors import EngineError, EngineUnavailable, UsageError
from dutiful.engines._sql.caller_errors import no_transaction
from dutiful.engines._sql.migrations import names, opening
from dutiful.engines.sqlite.connections.connection import code_of, translate_error
from dutiful.engines.sqlite.connections.task_connection import TaskConnection
from dutiful.engines.sqlite.schema.migration import missing
from dutiful.engines.sqlite.session import Session
from dutiful.engines.sqlite.statements import sql

_HIDING = sql("hiding")


@contextmanager
def joined(session: Session, connection: Any) -> Generator[sqlite3.Cursor, None, None]:
    """Yield a cursor for writes that commit with the caller; an error undoes only these."""
    path = session.database_file.path
    with _plain(connection, path) as cursor:
        with _refused(path):
            _check(cursor, path)
            waits = cursor.connection.in_transaction
        if not waits:  # else opening the store would wait for the caller's transaction
            session.ready()
        with _refused(path):
            if waits and not session.open:
                _look(session, cursor)
            begun = _join(cursor)
            try:
                cursor.execute("SAVEPOINT dutiful_enqueue")
                yield cursor
            except BaseException:
                if cursor.connection.in_transaction:  # SQLite may have rolled back by itself
                    _undo(cursor, begun)
                raise
            cursor.execute("RELEASE dutiful_enqueue")


def refuse_hiding(cursor: sqlite3.Cursor) -> str | None:
    """Return the file of a connection; UsageError if a temporary table hides one of ours."""
    bases = cursor.execute("PRAGMA database_list").fetchall()
    if any(name == "temp" for _, name, _ in bases):
        hiding = [name for (name,) in cursor.execute(_HIDING).fetchall()]
        if hiding:
            raise UsageError(
                f"the connection has a temporary table or view {hiding[0]}, which hides the "
                "store's own; give it a name that does not begin with dutiful_"
            )
    file: str | None = bases[0][2]
    return file


@contextmanager
def _plain(connection: Any, path: Path) -> Generator[sqlite3.Cursor, None, None]:
    """Yield a cursor of the caller's connection that returns tuples and str."""
    if not isinstance(connection, sqlite3.Connection):
        raise UsageError(
            f"a {type(connection).__qualname__} is not an sqlite3.Connection; pass the driver's "
            "own connection, such as Django's connection.connection"
        )
    with _refused(path):
        if isinstance(connection, TaskConnection):
            cursor: sqlite3.Cursor = connection.cursor()
        else:  # not by a method that the caller's class may override
            cursor = sqlite3.Connection.cursor(connection, sqlite3.Cursor)
    kept, connection.text_factory = connection.text_factory, str
    cursor.row_factory = None
    try:
        yield cursor
    finally:
        connection.text_factory = kept
        cursor.close()


@contextmanager
def _refused(path: Path) -> Generator[None, None, None]:
    """Raise errors of the connection, not of the store, as UsageError."""
    since = monotonic()
    try:
        yield
    except sqlite3.Error as error:
        raise _refusal(error) or translate_error(error, path, since=since) from error
    except EngineError as error:
        cause = error.__cause__
        refusal = _refusal(cause) if isinstance(cause, sqlite3.Error) else None
        if refusal is None:
            raise
        raise refusal from cause


def _refusal(error: sqlite3.Error) -> UsageError | None:
    if isinstance(error, sqlite3.ProgrammingError):
        if "thread" in str(error):
            return UsageError(
                "the connection belongs to another thread; enqueue in the thread that opened it, "
                "or open it with check_same_thread=False and use it in one thread at a time"
            )
        return UsageError(
            f"the connection cannot be used ({error}); pass one that is open, in its transaction"
        )
    if code_of(error) == sqlite3.SQLITE_READONLY:
        return UsageError(
            "the connection may only read; open it without mode=ro and immutable=1, leave out "
            "PRAGMA query_only, and let this user write to the file"
        )
    return None


def _check(cursor: sqlite3.Cursor, path: Path) -> None:
    """Refuse a connection to another file."""
    file = refuse_hiding(cursor)
    try:
        same = bool(file) and os.path.samefile(file or "", path)
    except OSError as error:
        raise EngineUnavailable(f"{path} was removed while it was in use: {error}") from error
    if not same:
        raise UsageError(
            f"the connection is open on {file or 'memory'}, and the jobs are in {path}; "
            "one transaction can only span one file"
        )


def _look(session: Session, cursor: sqlite3.Cursor) -> None:
    """Refuse a store that this release cannot write to as it is."""
    known = session.migrations
    lacks = opening(known, missing(cursor, session.database_file, known))
    if lacks:
        raise UsageError(
            f"the store has no tables yet that this release needs ({', '.join(names(lacks))}), "
            "and they cannot be made inside your transaction; "
            "call app.open() (or enqueue one job) once, before it begins"
        )


def _join(cursor: sqlite3.Cursor) -> bool:
    """Begin the transaction that the connection would have begun at its own first write."""
    connection = cursor.connection
    if connection.in_transaction:
        return False
    legacy = getattr(connection, "autocommit", -1) == -1
    if not legacy:
        commits = getattr(connection, "autocommit", None) is True
    else:
        commits = connection.isolation_level is None
    if commits:
        raise UsageError(no_transaction("the sqlite3 connection", "execute BEGIN first"))
    if legacy:
        # Otherwise the savepoint would begin the transaction, and its release would commit it.
        cursor.execute(f"BEGIN {connection.isolation_level}")
    return legacy


def _undo(cursor: sqlite3.Cursor, begun: bool) -> None:
    if begun:
        cursor.execute("ROLLBACK")
        return
    cursor.execute("ROLLBACK TO dutiful_enqueue")
    cursor.execute("RELEASE dutiful_enqueue")
