"""Applying one migration while others work: nobody waits behind it for longer than a moment."""

from __future__ import annotations

import random
import re
from collections.abc import Generator
from contextlib import contextmanager, suppress
from time import monotonic, sleep
from typing import Any

import psycopg
from psycopg.errors import DeadlockDetected, LockNotAvailable

from dutiful.core.errors import BadPayload, EngineUnavailable, StoreUnusable, UsageError
from dutiful.engines._sql.migrations import Migration
from dutiful.engines.postgres.connections.address import Address
from dutiful.engines.postgres.connections.connection import connect
from dutiful.engines.postgres.connections.contention import named
from dutiful.engines.postgres.connections.errors import DuplicateId, translated
from dutiful.engines.postgres.connections.session_settings import SEARCH_PATH
from dutiful.engines.postgres.statements import Texts, quoted, trusted

LOCK_SECONDS = 0.5
"""How long a migration waits for a lock: all who come after it for the same table wait as long."""
PATIENCE_SECONDS = 60.0
"""How long it goes on trying."""
_PAUSE_SECONDS = 0.1, 0.4
"""Between two trials those go first who waited behind the last."""
_DAY_SECONDS = 86_400.0
_INDEX = re.compile(
    r"^(?:CREATE\s+(?:UNIQUE\s+)?|DROP\s+)INDEX\s+CONCURRENTLY\s+(?:IF\s+(?:NOT\s+)?EXISTS\s+)?"
    r"(?:\S+\.)?(\w+)",
    re.IGNORECASE | re.MULTILINE,
)


class MigrationBlocked(Exception):
    """Another session stands in the way; nothing was done, and it may be tried again."""


def apply_migration(address: Address, sql: Texts, migration: Migration, *, alone: bool) -> bool:
    """Apply one migration, unless another process has done it; ``alone`` says the store is new.

    EngineUnavailable names the sessions that stood in the way until patience ended.
    """
    ended = monotonic() + PATIENCE_SECONDS
    trial = _concurrently if migration.concurrently and not alone else _in_transaction
    text = text_of(sql, migration, alone=alone)
    while True:
        try:
            # On a connection of its own: one that had looked at the schema before would go on
            # believing, inside this transaction, what it saw then.
            with connect(address) as connection, _translated(address, migration):
                connection.patience = _DAY_SECONDS
                return trial(connection, address, sql, migration, text)
        except MigrationBlocked as blocked:
            if monotonic() > ended:
                raise EngineUnavailable(
                    f"migration {migration.name} of {address.shown} found no moment in "
                    f"{PATIENCE_SECONDS:.0f} s, because of {blocked}; let it finish or end it "
                    "with pg_terminate_backend(), then run `dutiful migrate` again"
                ) from blocked.__cause__
        sleep(random.uniform(*_PAUSE_SECONDS))  # noqa: S311 - no secret


def rows(connection: psycopg.Connection[Any], text: str, *params: object) -> list[Any]:
    """Run a query of ours."""
    return connection.execute(trusted(text), params).fetchall()


def text_of(sql: Texts, migration: Migration, *, alone: bool) -> str:
    """Return what a migration runs; in a new store there is nobody for whom to take the long way.

    It would also wait for every transaction of the database that is open just then.
    """
    text = migration.text.strip()
    return sql.fill(text.replace(" CONCURRENTLY", "") if alone else text)


def indexes(migration: Migration) -> list[str]:
    """Return the names of the indexes that a migration makes or drops outside a transaction."""
    return _INDEX.findall(migration.text)


@contextmanager
def _translated(address: Address, migration: Migration) -> Generator[None]:
    """Tell errors as ours; what the rows themselves forbid is the store's state, not a job's."""
    try:
        with translated(f"applying {migration.name} to {address.shown}"):
            yield
    except (BadPayload, DuplicateId) as error:
        cause = error.__cause__ or error
        raise StoreUnusable(
            f"migration {migration.name} cannot be applied to {address.shown}: {cause}"
        ) from cause


def _in_transaction(
    connection: psycopg.Connection[Any],
    address: Address,
    sql: Texts,
    migration: Migration,
    text: str,
) -> bool:
    try:
        with connection.transaction():
            connection.execute(trusted(f"SET LOCAL lock_timeout = '{LOCK_SECONDS}s'"))
            connection.execute("SET LOCAL statement_timeout = 0")
            connection.execute(trusted(SEARCH_PATH))
            _lock_migrations(connection, sql, sql("migration_lock"))
            if _applied(connection, sql, migration):
                return False
            connection.execute(trusted(f"CREATE SCHEMA IF NOT EXISTS {sql.quoted}"))
            connection.execute(trusted(sql("migrations_create")))
            connection.execute(trusted(text))
            connection.execute(trusted(sql("regrant")))
            connection.execute(trusted(sql("migrated")), (migration.number, migration.name))
    except (LockNotAvailable, DeadlockDetected) as error:
        raise MigrationBlocked(_blockers(connection, sql)) from error
    return True


def _concurrently(
    connection: psycopg.Connection[Any],
    address: Address,
    sql: Texts,
    migration: Migration,
    text: str,
) -> bool:
    if address.pooler:
        raise UsageError(
            f"migration {migration.name} runs outside a transaction, for which a pooler lends no "
            "connection; run `dutiful migrate` with the server's own address, without pooler="
        )
    connection.execute("SET statement_timeout = 0; SET lock_timeout = 0")
    with suppress(psycopg.Error):  # not on every system
        # Else the server would go on for a process that was killed, and keep the turn.
        connection.execute("SET client_connection_check_interval = '1s'")
    _lock_migrations(connection, sql, sql("migration_session_lock"))
    if _applied(connection, sql, migration):
        return False
    _clear(connection, sql, migration)
    try:
        connection.execute(trusted(text))
    except psycopg.Error:
        with suppress(psycopg.Error):  # else the next run does it
            _clear(connection, sql, migration)
        raise
    connection.execute(trusted(sql("migrated")), (migration.number, migration.name))
    return True


def _lock_migrations(connection: psycopg.Connection[Any], sql: Texts, text: str) -> None:
    """Raise Blocked while another session migrates.

    It is never waited for in the server: an index that is built concurrently waits for all other
    statements, also for one that would wait for its turn.
    """
    ((ours,),) = rows(connection, text, sql.channel)
    if not ours:
        raise MigrationBlocked(_blockers(connection, sql))


def _applied(connection: psycopg.Connection[Any], sql: Texts, migration: Migration) -> bool:
    ((exist,),) = rows(connection, sql("migrations_exist"), sql.schema)
    return bool(exist) and migration.number in dict(rows(connection, sql("migrations")))


def _clear(connection: psycopg.Connection[Any], sql: Texts, migration: Migration) -> None:
    for (name,) in rows(connection, sql("invalid"), sql.quoted, indexes(migration)):
        where = f"{sql.quoted}.{quoted(name)}"
        connection.execute(trusted(f"DROP INDEX CONCURRENTLY IF EXISTS {where}"))


def _blockers(connection: psycopg.Connection[Any], sql: Texts) -> str:
    """Name the sessions that hold locks now; the one in the way may have gone."""
    found = rows(connection, sql("blockers"), sql.channel, sql.quoted)
    return named(found) or "a session that is gone now"
