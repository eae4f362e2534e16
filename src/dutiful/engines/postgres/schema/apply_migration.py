"""Applies one migration while other sessions work, which it blocks only for a short time."""

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
"""How long a migration waits for a lock; later sessions on the same table wait as long."""
PATIENCE_SECONDS = 60.0
"""Seconds for which it goes on trying."""
_PAUSE_SECONDS = 0.1, 0.4
"""Seconds between two attempts, in which the sessions that it blocked can go on."""
_DAY_SECONDS = 86_400.0
_INDEX = re.compile(
    r"^(?:CREATE\s+(?:UNIQUE\s+)?|DROP\s+)INDEX\s+CONCURRENTLY\s+(?:IF\s+(?:NOT\s+)?EXISTS\s+)?"
    r"(?:\S+\.)?(\w+)",
    re.IGNORECASE | re.MULTILINE,
)


class MigrationBlocked(Exception):
    """Another session blocks the migration; nothing was done, and it may be repeated."""


def apply_migration(address: Address, sql: Texts, migration: Migration, *, alone: bool) -> bool:
    """Apply one migration, unless another process has done it; ``alone`` says the store is new.

    EngineUnavailable names the sessions that blocked it for the whole time.
    """
    ended = monotonic() + PATIENCE_SECONDS
    trial = _concurrently if migration.concurrently and not alone else _in_transaction
    text = text_of(sql, migration, alone=alone)
    while True:
        try:
            # On a new connection: one that had read the schema before would see, inside this
            # transaction, the older state.
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
    """Run a query and return its rows."""
    return connection.execute(trusted(text), params).fetchall()


def text_of(sql: Texts, migration: Migration, *, alone: bool) -> str:
    """Return the SQL of a migration; in a new store (``alone``) indexes are not built concurrently.

    No other session uses a new store, and a concurrent build would wait for every open transaction
    of the database.
    """
    text = migration.text.strip()
    return sql.fill(text.replace(" CONCURRENTLY", "") if alone else text)


def indexes(migration: Migration) -> list[str]:
    """Return the names of the indexes that a migration makes or drops outside a transaction."""
    return _INDEX.findall(migration.text)


@contextmanager
def _translated(address: Address, migration: Migration) -> Generator[None]:
    """Raise errors as Dutiful's; if stored rows forbid the change, the store is unusable."""
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
    with suppress(psycopg.Error):  # not supported on every system
        # Otherwise the server would go on for a killed process and keep the migration lock.
        connection.execute("SET client_connection_check_interval = '1s'")
    _lock_migrations(connection, sql, sql("migration_session_lock"))
    if _applied(connection, sql, migration):
        return False
    _clear(connection, sql, migration)
    try:
        connection.execute(trusted(text))
    except psycopg.Error:
        with suppress(psycopg.Error):  # if it fails, the next run does it
            _clear(connection, sql, migration)
        raise
    connection.execute(trusted(sql("migrated")), (migration.number, migration.name))
    return True


def _lock_migrations(connection: psycopg.Connection[Any], sql: Texts, text: str) -> None:
    """Raise MigrationBlocked while another session migrates.

    It does not wait for the lock in the server: a concurrent index build waits for all other
    statements, so it would wait for the one that waits for the lock.
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
    """Name the sessions that hold locks now; the one that blocked us may have gone."""
    found = rows(connection, sql("blockers"), sql.channel, sql.quoted)
    return named(found) or "a session that is gone now"
