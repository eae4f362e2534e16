"""Connections with this engine's settings; translates SQLite's errors into Dutiful's."""

from __future__ import annotations

import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import Any, Literal

from dutiful.core.errors import (
    BadOption,
    EngineError,
    EngineUnavailable,
    ReplyUnknown,
    StoreUnusable,
)
from dutiful.engines._sql.statement import Answer, Execute, Statement

from .access import look
from .adapters import all_shielded, registry, shielded

Durability = Literal["full", "normal"]
Runs = sqlite3.Connection | sqlite3.Cursor
"""A connection or a cursor, which runs statements."""

LOCK_WAIT_SECONDS = 60.0
"""Seconds that a writer waits for the write lock before it gives up."""

WAL_BYTES_KEPT = 64 * 1024 * 1024
_PRAGMAS = (
    "temp_store = MEMORY",
    "cache_size = -16000",
    f"journal_size_limit = {WAL_BYTES_KEPT}",
)


class StoreConnection(sqlite3.Connection):
    """The engine's own connection: its transactions always end soon."""


def connect(
    path: Path,
    durability: Durability = "full",
    factory: type[StoreConnection] = StoreConnection,
    *,
    create: bool = True,
) -> StoreConnection:
    """Open the file with this engine's settings, without implicit transactions.

    Without ``create``, EngineUnavailable when there is no file: a new one would hide the loss.
    """
    if not create and look(path) is None:
        raise EngineUnavailable(f"{path} was removed while it was in use; put it back")
    with translated(path):
        connection: StoreConnection = sqlite3.connect(
            path.as_uri() + ("" if create else "?mode=rw"),
            uri=True,
            timeout=LOCK_WAIT_SECONDS,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=256,
            factory=factory,
        )
        try:
            for pragma in (*_PRAGMAS, f"synchronous = {durability}"):
                sqlite3.Connection.execute(connection, f"PRAGMA {pragma}").close()
        except BaseException:
            sqlite3.Connection.close(connection)
            raise
        return connection


class NotText(bytes):
    """The bytes of a stored text that is not UTF-8."""


class Undecoded(EngineError):
    """A statement that writes has read a text that is not UTF-8: run it again with `lenient`."""


@contextmanager
def lenient(connection: sqlite3.Connection) -> Generator[None, None, None]:
    """Read texts that are not UTF-8 as `NotText`; the driver would fail for the whole result.

    Not used for every statement, because a call for each text is slower than the driver itself.
    """
    kept, connection.text_factory = connection.text_factory, _text
    try:
        yield
    finally:
        connection.text_factory = kept


def _text(raw: bytes) -> str | NotText:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return NotText(raw)


def executor(connection: Runs, path: Path) -> Execute:
    """Return a function that runs a plan's statements on a connection or a cursor."""
    since = monotonic()

    def run_one(statement: Statement) -> Answer:
        try:
            return _run(connection, statement)
        except sqlite3.Error as error:
            if _is_undecoded(error):
                return _run_leniently(connection, statement, path)
            raise translate_error(error, path, since=since) from error
        except OverflowError as error:
            raise BadOption("a number does not fit in the 64 bits that SQLite stores") from error
        except UnicodeEncodeError as error:
            raise BadOption("a text holds half of a character, which SQLite refuses") from error

    return run_one


def _run(connection: Runs, statement: Statement) -> Answer:
    params: Any = statement.params
    if len(registry.all) != registry.harmless:
        params = all_shielded(params) if statement.many else shielded(params)
    if statement.many:
        return Answer([], connection.executemany(statement.text, params).rowcount)
    cursor = connection.execute(statement.text, params)
    try:
        return Answer(cursor.fetchall(), cursor.rowcount)
    except BaseException:
        if cursor is not connection:  # a half-read cursor would keep the transaction open
            cursor.close()
        raise


def _run_leniently(connection: Runs, statement: Statement, path: Path) -> Answer:
    """Repeat a read that the driver could not decode; Undecoded for a write: undo it first."""
    if not statement.text.startswith(("SELECT", "WITH")):
        raise Undecoded(f"a text in {path} is not UTF-8")
    owner = connection.connection if isinstance(connection, sqlite3.Cursor) else connection
    with translated(path), lenient(owner):
        return _run(connection, statement)


def _is_undecoded(error: sqlite3.Error) -> bool:
    """Whether the driver could not decode a text; unlike SQLite's errors, this has no code."""
    unknown = getattr(error, "sqlite_errorcode", None) is None
    return unknown and isinstance(error, sqlite3.OperationalError)


@contextmanager
def translated(path: Path, *, committing: bool = False) -> Generator[None, None, None]:
    """Raise SQLite's errors as Dutiful's."""
    since = monotonic()
    try:
        yield
    except sqlite3.Error as error:
        raise translate_error(error, path, committing=committing, since=since) from error


def code_of(error: sqlite3.Error) -> int:
    """Return SQLite's extended error code."""
    return int(getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR))


def is_locked(error: sqlite3.Error) -> bool:
    """Whether another connection holds the lock."""
    return code_of(error) & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def translate_error(
    error: sqlite3.Error, path: Path, *, committing: bool = False, since: float | None = None
) -> EngineError:
    """Translate SQLite's error into Dutiful's, which says what to do next.

    On a full disk nothing was committed, because the commit record is written last.
    """
    code = code_of(error)
    match code & 0xFF:
        case sqlite3.SQLITE_BUSY if code == sqlite3.SQLITE_BUSY_SNAPSHOT:
            return EngineUnavailable(
                f"the transaction on {path} began with a read, and another connection has written "
                "since, so it can no longer write; roll it back, and begin it with BEGIN IMMEDIATE"
            )
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            waited = "" if since is None else f" (waited {monotonic() - since:.1f} s)"
            return EngineUnavailable(
                f"{path} is locked by another connection{waited}; look for a long or stopped "
                "transaction on this file"
            )
        case sqlite3.SQLITE_FULL:
            return EngineUnavailable(f"no space left for {path}; free some on its disk: {error}")
        case sqlite3.SQLITE_IOERR if committing:
            return ReplyUnknown(f"the commit to {path} may or may not be on disk: {error}")
        case sqlite3.SQLITE_IOERR | sqlite3.SQLITE_NOMEM:
            return EngineUnavailable(f"{path} cannot be read or written: {error}")
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_PERM:
            return StoreUnusable(
                f"{path} cannot be written ({error}); this user needs write permission for the "
                "file and for its folder, where SQLite keeps the write-ahead log"
            )
        case sqlite3.SQLITE_CANTOPEN:
            return StoreUnusable(
                f"{path} cannot be opened ({error}); check that its folder exists and that this "
                "user may write to it"
            )
        case sqlite3.SQLITE_NOTADB:
            return StoreUnusable(f"{path} is not an SQLite database; give another path")
        case sqlite3.SQLITE_CORRUPT:
            return StoreUnusable(
                f"{path} is damaged ({error}); stop the workers, then restore a backup, or save "
                'what can be read: see "A damaged file" in docs/reliability.md'
            )
        case _:
            return EngineError(f"SQLite refused a statement on {path}: {error}")
