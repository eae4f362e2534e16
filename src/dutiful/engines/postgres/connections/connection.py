"""One connection in this engine's settings, which gives up on a server that has gone silent."""

from __future__ import annotations

import select
import struct
from collections.abc import Mapping
from functools import cached_property, partial
from typing import Any, LiteralString, NoReturn, TypeVar

import psycopg
from psycopg.abc import PQGen
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import tuple_row

from dutiful.contract.beside import beside
from dutiful.core.errors import UsageError
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
RESET: LiteralString = (
    "CLOSE ALL; RESET SESSION AUTHORIZATION; RESET ALL; UNLISTEN *; "
    "SELECT pg_advisory_unlock_all(); DISCARD TEMP; DISCARD SEQUENCES"
)
"""Take back what a task did to its session, but for the statements that the driver prepared: it
would not notice that they are gone, as ``DISCARD ALL`` makes them."""
ANSWER_SECONDS = 30.0
"""How long the server may take over one statement before its connection is given up."""
LOCK_SECONDS = 5.0
"""How long a statement waits for another session's lock before it fails."""

_SETTINGS = {
    "application_name": "dutiful",
    "keepalives": 1,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}


ENDED = (
    "the transaction belongs to the job: it is committed when the task returns and rolled back "
    "when it raises; leave out commit(), rollback() and close(), use conn.transaction() for parts"
)


class Connection(psycopg.Connection[tuple[Any, ...]]):
    """A connection whose waits end: a cut cable is noticed by the clock, as no packet tells."""

    patience = ANSWER_SECONDS

    @cached_property
    def raw_cursor(self) -> Cursor:
        """The cursor of all plans: a new one learns again how to write and read each type."""
        return Cursor(self, row_factory=tuple_row)

    def wait(self, gen: PQGen[T], interval: float = 0.1, timeout: float | None = None) -> T:
        """Wait for the server, but not indefinitely."""
        return super().wait(gen, interval, self.patience if timeout is None else timeout)


class AsyncConnection(psycopg.AsyncConnection[tuple[Any, ...]]):
    """The same for a loop, which reads the answers between the steps of its jobs.

    A thread that waited for the server would have to wait for the interpreter, too, which a busy
    loop gives away for moments that are too short to take it.
    """

    patience = ANSWER_SECONDS

    @cached_property
    def raw_cursor(self) -> AsyncCursor:
        """The cursor of all plans."""
        return AsyncCursor(self, row_factory=tuple_row)

    async def wait(self, gen: PQGen[T], interval: float = 0.1, timeout: float | None = None) -> T:
        """Wait for the server, but not indefinitely."""
        return await super().wait(gen, interval, self.patience if timeout is None else timeout)


class TaskConnection(psycopg.Connection[Any]):
    """A plain connection that leaves the end of its transaction to the job."""

    def commit(self) -> NoReturn:
        """Refuse: the job's settlement has to be part of it."""
        raise UsageError(ENDED)

    def rollback(self) -> NoReturn:
        """Refuse: raise an error in the task instead."""
        raise UsageError(ENDED)

    def close(self) -> NoReturn:
        """Refuse: the job still needs it."""
        raise UsageError(ENDED)

    def __exit__(self, *error: object) -> None:
        """Leave a ``with`` block without committing."""


def begin_of(connection: TaskConnection | psycopg.AsyncConnection[Any]) -> LiteralString:
    """Return how a task's transaction begins.

    A stricter isolation that a database or a role presets would fail it with conflicts for which
    nobody asked; what the URL or PGOPTIONS ask for stays.
    """
    asked = "transaction_isolation" in connection.info.options
    return "BEGIN" if asked else "BEGIN ISOLATION LEVEL READ COMMITTED"


C = TypeVar("C", bound="psycopg.Connection[Any]")
A = TypeVar("A", bound="psycopg.AsyncConnection[Any]")


def connect(
    address: Address,
    *,
    patience: float = ANSWER_SECONDS,
    lock_seconds: float = LOCK_SECONDS,
    pinned: bool = False,
) -> Connection:
    """Open a connection of ours; raises the driver's error as one of ours.

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
    """Open a connection of ours for hot statements that are awaited."""
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
    """Whether an idle connection can be lent: of one that was cut, the end can be read."""
    if connection.closed:
        return False
    poll = select.poll()
    poll.register(connection.pgconn.socket, select.POLLIN)
    return not poll.poll(0)


def connect_as(kind: type[C], address: Address, seconds: int = CONNECT_SECONDS, **more: Any) -> C:
    """Open a connection of some kind, without implicit transactions."""
    try:
        connection = kind.connect(address.conninfo, **options_of(address, seconds), **more)
    except (psycopg.Error, OSError) as error:
        raise refused(error, address.conninfo, f"connecting to {address.shown}") from error
    refuse_encoding(connection, address)
    return connection


async def aconnect_as(kind: type[A], address: Address, **more: Any) -> A:
    """Do what `connect_as` does where it is awaited."""
    try:
        connection = await kind.connect(address.conninfo, **options_of(address), **more)
    except (psycopg.Error, OSError) as error:
        doing = f"connecting to {address.shown}"
        why = await beside(partial(refused, error, address.conninfo, doing))
        raise why from error
    refuse_encoding(connection, address)
    return connection


def executor(connection: psycopg.Connection[Any], *, commits: bool = False) -> Execute:
    """Return what runs a plan's statements; ``commits`` says that each is its own transaction."""
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
    """Do what `executor` does where statements are awaited."""
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
    """Return how connections are opened, but for what the URL says itself."""
    given = conninfo_to_dict(address.conninfo)
    wanted = {**_SETTINGS, "connect_timeout": seconds}
    settings = {name: value for name, value in wanted.items() if name not in given}
    return {
        "autocommit": True,
        "prepare_threshold": None if address.pooler else 3,
        **settings,
        "client_encoding": "UTF8",  # in which columns are written, whatever the URL says
    }
