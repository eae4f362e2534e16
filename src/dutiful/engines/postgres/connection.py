"""One connection in this engine's settings, which gives up on a server that has gone silent."""

from __future__ import annotations

import select
from functools import cached_property
from typing import Any, LiteralString, NoReturn, TypeVar

import psycopg
from psycopg import AsyncRawCursor, RawCursor
from psycopg.abc import PQGen
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import tuple_row

from dutiful.contract.statement import Answer, AsyncExecute, Execute, Statement
from dutiful.core.errors import UsageError

from .address import Address
from .arrays import adapt
from .faults import told, translated
from .statements import trusted

T = TypeVar("T")

CONNECT_SECONDS = 5
RESET: LiteralString = (
    "CLOSE ALL; RESET SESSION AUTHORIZATION; RESET ALL; UNLISTEN *; "
    "SELECT pg_advisory_unlock_all(); DISCARD TEMP; DISCARD SEQUENCES"
)
"""Take back what a task did to its session, but for the statements that the driver prepared: it
would not notice that they are gone, as ``DISCARD ALL`` makes them."""
PINS: LiteralString = (
    "SET enable_seqscan = off; SET enable_bitmapscan = off; SET enable_hashjoin = off; "
    "SET enable_mergejoin = off; SET jit = off; SET plan_cache_mode = force_generic_plan"
)
"""Keep the planner to the indexes that statements were written for: while its statistics are old
it would walk the whole table, or hash all of it to join a handful of rows. Nor is there a reason
to plan a claim anew each time, as it does where a limit is a parameter."""
ANSWER_SECONDS = 30.0
"""How long the server may take over one statement before its connection is given up."""

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
    def hand(self) -> RawCursor[tuple[Any, ...]]:
        """The cursor of all plans: a new one learns anew how to write and read each type."""
        return RawCursor(self, row_factory=tuple_row)

    def wait(self, gen: PQGen[T], interval: float = 0.1, timeout: float | None = None) -> T:
        """Wait for the server, but not for ever."""
        return super().wait(gen, interval, self.patience if timeout is None else timeout)


class AsyncConnection(psycopg.AsyncConnection[tuple[Any, ...]]):
    """The same for a loop, which reads the answers between the steps of its jobs.

    A thread that waited for the server would have to wait for the interpreter, too, which a busy
    loop gives away for moments that are too short to take it.
    """

    patience = ANSWER_SECONDS

    @cached_property
    def hand(self) -> AsyncRawCursor[tuple[Any, ...]]:
        """The cursor of all plans."""
        return AsyncRawCursor(self, row_factory=tuple_row)

    async def wait(self, gen: PQGen[T], interval: float = 0.1, timeout: float | None = None) -> T:
        """Wait for the server, but not for ever."""
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


C = TypeVar("C", bound="psycopg.Connection[Any]")


def connect(
    address: Address, *, patience: float = ANSWER_SECONDS, pinned: bool = False
) -> Connection:
    """Open a connection of ours; raises what `told` makes of the driver's error."""
    hurried = min(CONNECT_SECONDS, max(2, int(patience)))  # libpq takes no less than two
    connection = connect_as(Connection, address, hurried, cursor_factory=RawCursor)
    adapt(connection)
    if pinned and not address.pooler:
        with translated(f"connecting to {address.shown}"):
            connection.execute(PINS, prepare=False)
    connection.patience = patience
    return connection


async def aconnect(address: Address) -> AsyncConnection:
    """Open a connection of ours for hot statements that are awaited."""
    options = options_of(address)
    with translated(f"connecting to {address.shown}"):
        connection = await AsyncConnection.connect(
            address.conninfo, cursor_factory=AsyncRawCursor, **options
        )
        adapt(connection)
        if not address.pooler:
            await connection.execute(PINS, prepare=False)
    return connection


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
        return kind.connect(address.conninfo, **options_of(address, seconds), **more)
    except (psycopg.Error, OSError) as error:
        raise told(error, f"connecting to {address.shown}") from error


def executor(connection: psycopg.Connection[Any], *, commits: bool = False) -> Execute:
    """Return what runs a plan's statements; ``commits`` says that each is its own transaction."""
    if isinstance(connection, Connection):
        cursor = connection.hand
    else:
        cursor = RawCursor(connection, row_factory=tuple_row)
        adapt(cursor)

    def execute(statement: Statement) -> Answer:
        try:
            cursor.execute(trusted(statement.text), statement.params, binary=True)
            rows = cursor.fetchall() if cursor.description else []
        except (psycopg.Error, OSError) as error:
            raise told(error, "using the store", committing=commits) from error
        return Answer(rows, cursor.rowcount)

    return execute


def aexecutor(connection: psycopg.AsyncConnection[Any], *, commits: bool = False) -> AsyncExecute:
    """Do what `executor` does where statements are awaited."""
    if isinstance(connection, AsyncConnection):
        cursor = connection.hand
    else:
        cursor = AsyncRawCursor(connection, row_factory=tuple_row)
        adapt(cursor)

    async def execute(statement: Statement) -> Answer:
        try:
            await cursor.execute(trusted(statement.text), statement.params, binary=True)
            rows = await cursor.fetchall() if cursor.description else []
        except (psycopg.Error, OSError) as error:
            raise told(error, "using the store", committing=commits) from error
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
    }
