"""Bringing the schema up to date, however many processes start at once."""

from __future__ import annotations

import psycopg

from dutiful.core.errors import SchemaMismatch

from .address import Address
from .connection import connect
from .faults import translated
from .sharing import refuse_sharing
from .statements import Texts, migrations, trusted

_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))"
_APPLIED = """
SELECT number FROM {schema}.migration
"""
_EXISTS = """
SELECT EXISTS (
  SELECT FROM pg_class AS class JOIN pg_namespace AS space ON space.oid = class.relnamespace
  WHERE space.nspname = $1 AND class.relname = 'migration'
)
"""
_TABLE = """
CREATE TABLE IF NOT EXISTS {schema}.migration (
  number integer PRIMARY KEY,
  name text NOT NULL,
  applied_at timestamptz NOT NULL DEFAULT now()
)
"""
_DONE = "INSERT INTO {schema}.migration (number, name) VALUES ($1, $2)"


def missing(address: Address, sql: Texts) -> tuple[str, ...]:
    """Return the names of the migrations that the store lacks; SchemaMismatch for a newer one."""
    with connect(address) as connection:
        refuse_sharing(address, connection)
        return _missing(connection, sql)


def migrate(address: Address, sql: Texts) -> tuple[str, ...]:
    """Apply what is missing, each migration in one transaction, and return the names."""
    names = missing(address, sql)
    return tuple(
        name
        for number, name, text in migrations()
        if name in names and _apply(address, sql, number, name, text)
    )


def script(address: Address, sql: Texts) -> str:
    """Return what `migrate` would run now; run it in one transaction, as a role that may."""
    names = missing(address, sql)
    if not names:
        return ""
    parts = [f"CREATE SCHEMA IF NOT EXISTS {sql.quoted};", f"{sql.fill(_TABLE).strip()};"]
    for number, name, text in migrations():
        if name in names:
            done = sql.fill(_DONE).replace("$1", str(number)).replace("$2", f"'{name}'")
            parts += [sql.fill(text).strip(), f"{done};"]
    return "\n\n".join(parts)


def _apply(address: Address, sql: Texts, number: int, name: str, text: str) -> bool:
    """Apply one migration, unless another process has done it while we waited for our turn."""
    with connect(address) as connection, translated(f"migrating {address.shown}"):
        with connection.transaction():
            connection.execute(_LOCK, (sql.channel,))
            if name not in _missing(connection, sql):
                return False
            connection.execute(trusted(f"CREATE SCHEMA IF NOT EXISTS {sql.quoted}"))
            connection.execute(trusted(sql.fill(_TABLE)))
            connection.execute(trusted(sql.fill(text)))
            connection.execute(trusted(sql.fill(_DONE)), (number, name))
        return True


def _missing(connection: psycopg.Connection[tuple[object, ...]], sql: Texts) -> tuple[str, ...]:
    with translated("reading the store's schema"):
        # By the catalogue's rows: a session that has looked before believes, as to_regclass does,
        # what it saw then, and a pooler gives us the sessions of others.
        row = connection.execute(_EXISTS, (sql.schema,)).fetchone()
        applied = set[int]()
        if row is not None and row[0]:
            rows = connection.execute(trusted(sql.fill(_APPLIED))).fetchall()
            applied = {int(str(number)) for (number,) in rows}
    known = {number for number, _, _ in migrations()}
    if applied - known:
        raise SchemaMismatch(
            f"the store has schema {max(applied)}, and this version of Dutiful knows {max(known)} "
            "at most; upgrade dutiful here as it was upgraded where the store was migrated"
        )
    return tuple(name for number, name, _ in migrations() if number not in applied)
