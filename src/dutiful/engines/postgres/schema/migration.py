"""Applies pending migrations, also when many processes start at the same time."""

from __future__ import annotations

import psycopg

from dutiful.contract.release import release
from dutiful.engines._sql.migrations import Migration, due, is_new, lacking, names, opening
from dutiful.engines.postgres.connections.address import Address
from dutiful.engines.postgres.connections.connection import connect
from dutiful.engines.postgres.connections.database_encoding import codec_of, encoding_of
from dutiful.engines.postgres.connections.errors import translated
from dutiful.engines.postgres.connections.pooler_check import refuse_transaction_pooler
from dutiful.engines.postgres.statements import Texts

from .apply_migration import apply_migration, rows
from .migration_script import script_of
from .rights import grant_again, lacking_rights
from .sequence_check import refuse_old_numbers


def missing(address: Address, sql: Texts) -> tuple[Migration, ...]:
    """Return the pending migrations; SchemaMismatch when this release is too old."""
    with connect(address) as connection, translated("reading the store's schema"):
        refuse_transaction_pooler(address, connection)
        sql.codec = codec_of(encoding_of(connection))
        return _missing(connection, sql, address)


def wanted(address: Address, sql: Texts, *, contract: bool = False) -> tuple[Migration, ...]:
    """Return the migrations that `migrate` would apply now.

    Those that remove anything wait for workers of other releases, unless ``contract`` is set.
    """
    with connect(address) as connection, translated("reading the store's schema"):
        lacks = _missing(connection, sql, address)
        return due(sql.migrations, lacks, lambda: not contract and _others(connection, sql))


def prepare(address: Address, sql: Texts) -> tuple[str, ...]:
    """Apply the migrations that opening a store applies; return notices for the operator.

    StoreUnusable for a store that would use the numbers of old jobs again.
    """
    with connect(address) as connection, translated("reading the store's schema"):
        refuse_transaction_pooler(address, connection)
        sql.codec = codec_of(encoding_of(connection))
        lacks = _missing(connection, sql, address)
        new = is_new(sql.migrations, lacks)
        if not new:
            refuse_old_numbers(connection, sql, address)
        notice = "" if new else lacking_rights(connection, sql)
    for migration in opening(sql.migrations, lacks):
        apply_migration(address, sql, migration, alone=new)
    return (notice,) if notice else ()


def migrate(address: Address, sql: Texts, *, contract: bool = False) -> tuple[str, ...]:
    """Apply the wanted migrations, and return the names of those that this call applied."""
    done: list[Migration] = []
    alone = is_new(sql.migrations, missing(address, sql))
    for migration in wanted(address, sql, contract=contract):
        # Checked again, as a worker may have joined while earlier migrations were applied.
        doubtful = migration.contracts and not alone
        if doubtful and migration not in wanted(address, sql, contract=contract):
            continue
        if apply_migration(address, sql, migration, alone=alone):
            done.append(migration)
    grant_again(address, sql)  # also for objects that are older than the first grant
    return names(done)


def script(address: Address, sql: Texts, *, contract: bool = False) -> str:
    """Return the script for psql of what `migrate` would run now, and run nothing."""
    lacks, chosen = missing(address, sql), wanted(address, sql, contract=contract)
    held = [migration for migration in lacks if migration not in chosen]
    return script_of(sql, chosen, held, alone=is_new(sql.migrations, lacks))


def _missing(
    connection: psycopg.Connection[tuple[object, ...]], sql: Texts, address: Address
) -> tuple[Migration, ...]:
    ((exist,),) = rows(connection, sql("migrations_exist"), sql.schema)
    applied = dict(rows(connection, sql("migrations"))) if exist else {}
    return lacking(sql.migrations, applied, address.shown)


def _others(connection: psycopg.Connection[tuple[object, ...]], sql: Texts) -> bool:
    return bool(rows(connection, sql("other_releases"), release()))
