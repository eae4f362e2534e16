"""Writes migrations as a script, for operators who run them by hand."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from dutiful.engines._sql.migrations import Migration, names
from dutiful.engines.postgres.statements import Texts, bare, literal, quoted

from .apply_migration import LOCK_SECONDS, indexes, text_of

_HEAD = "-- Run it with: psql -v ON_ERROR_STOP=1 -f FILE. Each migration commits by itself."


def script_of(
    sql: Texts, wanted: Sequence[Migration], held: Sequence[Migration], *, alone: bool
) -> str:
    """Write migrations as a script for psql, each with the record that it was applied."""
    kept = [f"-- {name} waits until no worker of another release is alive." for name in names(held)]
    if not wanted:
        return "\n".join(kept)
    settings = "SET statement_timeout = 0;\nSET search_path = pg_catalog, pg_temp;"
    parts = [_HEAD, *kept, settings, f"{sql('migration_script_lock')};"]
    for migration in wanted:
        parts += [f"-- {migration.name}", *_one(sql, migration, alone=alone)]
    return "\n\n".join([*parts, f"{sql('regrant')};", f"{sql('migration_unlock')};"]) + "\n"


def _one(sql: Texts, migration: Migration, *, alone: bool) -> Iterable[str]:
    record = bare("migrated").replace("$1", str(migration.number))
    done = sql.fill(record.replace("$2", literal(migration.name)))
    text = text_of(sql, migration, alone=alone)
    if migration.concurrently and not alone:
        # An index that an interrupted run left would count as built.
        for index in indexes(migration):
            yield f"DROP INDEX CONCURRENTLY IF EXISTS {sql.quoted}.{quoted(index)};"
        yield text
        yield f"{done};"
        return
    yield f"BEGIN;\nSET LOCAL lock_timeout = '{LOCK_SECONDS}s';"
    yield f"CREATE SCHEMA IF NOT EXISTS {sql.quoted};\n{sql('migrations_create')};"
    yield text
    yield f"{done};\nCOMMIT;"
