"""A connection with this engine's settings, which gives up when the server does not answer."""

from __future__ import annotations

import select
import struct
from collections.abc import Mapping
from functools import cached_property, partial
from typing import Any, TypeVar

import psycopg
from psycopg.abc import PQGen
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import tuple_row

from dutiful.contract.beside import beside
from dutiful.engines._sql.statement import Answer, AsyncExecute, Execute, Statement
from dutiful.engines.postgres.statements import bare, trusted

from .adapters import AsyncCursor, Cursor
from .address import Address
from .database_encoding import refuse_encoding
from .errors import translate_error, translated, unfit
from .refusal import refused
from .session_settings import ALWAYS, settings

T = TypeVar("T")

CONNECT_SECONDS = 5
ANSWER_SECONDS = 30.0
"""Seconds that the server may take for one statement before its connection is given up."""
LOCK_SECONDS = 5.0
"""Seconds that a statement waits for another session's lock before it fails."""

_SETTINGS = {
    "application_name": "dutiful",
    "keepalives": 1,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}


class Connection(psycopg.Connection[tuple[Any, ...]]):
    """A connection whose waits have a time limit: a cut network sends no packet that ends them."""

    patience = ANSWER_SECONDS

    @cached_property
    def raw_cursor(self) -> Cursor:
        """The one cursor for all plans: a new cursor would set up its type adapters again."""
        return Cursor(self, row_factory=tuple_row)

    def wait(self, gen: PQGen[T], interval: float = 0.1, timeout: float | None = None) -> T:
        """Wait for the server, but not indefinitely."""
        return super().wait(gen, interval, self.patience if timeout is None else timeout)


class AsyncConnection(psycopg.AsyncConnection[tuple[Any, ...]]):
    """The same for an event loop, which reads the answers between the steps of its jobs.

    A thread that waits for the server would also have to wait for the interpreter's lock, which a
    busy loop releases only for moments that are too short to take it.
    """

    patience = ANSWER_SECONDS

    @cached_property
    def raw_cursor(self) -> AsyncCursor:
        """The one cursor for all plans."""
        return AsyncCursor(self, row_factory=tuple_row)

    async def wait(self, gen: PQGen[T], interval: float = 0.1, timeout: float | None = None) -> T:
        """Wait for the server, but not indefinitely."""
        return await super().wait(gen, interval, self.patience if timeout is None else timeout)


C = TypeVar("C", bound="psycopg.Connection[Any]")
A = TypeVar("A", bound="psycopg.AsyncConnection[Any]")


def connect(
    address: Address,
    *,
    patience: float = ANSWER_SECONDS,
    lock_seconds: float = LOCK_SECONDS,
    pinned: bool = False,
) -> Connection:
    """Open a connection with our settings; raises the driver's error as one of Dutiful's.

    Behind a pooler a setting lasts for one transaction, so each transaction sets its own.
    """
    hurried = min(CONNECT_SECONDS, max(2, int(patience)))  # libpq takes no less than two
    connection = connect_as(Connection, address, hurried, cursor_factory=Cursor)
    if not address.pooler:
        wanted = settings(patience, lock_seconds, pinned)
        try:
            with translated(f"connecting to {address.shown}"):
                asked = (*_columns(wanted), connection.info.backend_pid, list(ALWAYS))
                connection.execute(trusted(bare("settings")), asked, prepare=False)
        except BaseException:
            connection.close()
            raise
    connection.patience = patience
    return connection


async def aconnect(address: Address, *, lock_seconds: float = LOCK_SECONDS) -> AsyncConnection:
    """Open an async connection with our settings, for frequent statements."""
    connection = await aconnect_as(AsyncConnection, address, cursor_factory=AsyncCursor)
    if not address.pooler:
        wanted = settings(ANSWER_SECONDS, lock_seconds, True)
        try:
            with translated(f"connecting to {address.shown}"):
                asked = (*_columns(wanted), connection.info.backend_pid, list(ALWAYS))
                await connection.execute(trusted(bare("settings")), asked, prepare=False)
        except BaseException:
            connection.pgconn.finish()
            raise
    return connection


def _columns(named: Mapping[str, str]) -> tuple[list[str], list[str]]:
    return list(named), list(named.values())


def usable(connection: psycopg.Connection[Any] | psycopg.AsyncConnection[Any]) -> bool:
    """Whether an idle connection can be lent: if it was cut, its end can be read."""
    if connection.closed:
        return False
    poll = select.poll()
    poll.register(connection.pgconn.socket, select.POLLIN)
    return not poll.poll(0)


def connect_as(kind: type[C], address: Address, seconds: int = CONNECT_SECONDS, **more: Any) -> C:
    """Open a connection of a given class, without implicit transactions."""
    try:
        connection = kind.connect(address.conninfo, **options_of(address, seconds), **more)
    except (psycopg.Error, OSError) as error:
        raise refused(error, address.conninfo, f"connecting to {address.shown}") from error
    refuse_encoding(connection, address)
    return connection


async def aconnect_as(kind: type[A], address: Address, **more: Any) -> A:
    """Do what `connect_as` does, for an async class."""
    try:
        connection = await kind.connect(address.conninfo, **options_of(address), **more)
    except (psycopg.Error, OSError) as error:
        doing = f"connecting to {address.shown}"
        why = await beside(partial(refused, error, address.conninfo, doing))
        raise why from error
    refuse_encoding(connection, address)
    return connection


def executor(connection: psycopg.Connection[Any], *, commits: bool = False) -> Execute:
    """Return a function that runs statements; with ``commits`` each is its own transaction."""
    if isinstance(connection, Connection):
        cursor = connection.raw_cursor
    else:
        cursor = Cursor(connection, row_factory=tuple_row)

    def execute(statement: Statement) -> Answer:
        try:
            cursor.execute(trusted(statement.text), statement.params, binary=True)
            rows = cursor.fetchall() if cursor.description else []
        except (psycopg.Error, OSError) as error:
            raise translate_error(error, "using the store", committing=commits) from error
        except (struct.error, UnicodeEncodeError) as error:
            raise unfit(error) from error
        return Answer(rows, cursor.rowcount)

    return execute


def aexecutor(connection: psycopg.AsyncConnection[Any], *, commits: bool = False) -> AsyncExecute:
    """Do what `executor` does, on an async connection."""
    if isinstance(connection, AsyncConnection):
        cursor = connection.raw_cursor
    else:
        cursor = AsyncCursor(connection, row_factory=tuple_row)

    async def execute(statement: Statement) -> Answer:
        try:
            await cursor.execute(trusted(statement.text), statement.params, binary=True)
            rows = await cursor.fetchall() if cursor.description else []
        except (psycopg.Error, OSError) as error:
            raise translate_error(error, "using the store", committing=commits) from error
        except (struct.error, UnicodeEncodeError) as error:
            raise unfit(error) from error
        return Answer(rows, cursor.rowcount)

    return execute


def options_of(address: Address, seconds: int = CONNECT_SECONDS) -> dict[str, Any]:
    """Return the options with which connections are opened, besides those in the URL."""
    given = conninfo_to_dict(address.conninfo)
    wanted = {**_SETTINGS, "connect_timeout": seconds}
    settings = {name: value for name, value in wanted.items() if name not in given}
    return {
        "autocommit": True,
        "prepare_threshold": None if address.pooler else 3,
        **settings,
        "client_encoding": "UTF8",  # columns are written in it, also if the URL sets another
    }
