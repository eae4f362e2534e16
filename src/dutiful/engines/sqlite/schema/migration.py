"""Applies pending migrations, also when many processes start at the same time."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence

from dutiful.contract.release import release
from dutiful.engines._sql.migrations import Migration, lacking, names
from dutiful.engines.sqlite.connections.adapters import shielded
from dutiful.engines.sqlite.connections.connection import Runs, translated
from dutiful.engines.sqlite.connections.database_file import DatabaseFile
from dutiful.engines.sqlite.connections.lock_wait import run_with_lock_wait
from dutiful.engines.sqlite.connections.write_lock import FairFileLock
from dutiful.engines.sqlite.statements import sql

_NOW = "CAST(strftime('%s', 'now') AS INTEGER) * 1000000"


def missing(
    connection: Runs, database_file: DatabaseFile, known: Sequence[Migration]
) -> tuple[Migration, ...]:
    """Return the pending migrations; SchemaMismatch when this release is too old."""
    applied: dict[int, str] = {}
    if database_file.run(connection, sql("tables")):
        rows = database_file.run(connection, sql("migrations"))
        applied = {int(str(number)): str(name) for number, name in rows}
    return lacking(known, applied, str(database_file.path))


def others(
    connection: sqlite3.Connection, database_file: DatabaseFile, boot: str, ticks: int
) -> bool:
    """Whether a worker of another release is alive."""
    with translated(database_file.path):
        query = connection.execute(sql("other_releases"), shielded((release(), boot, ticks)))
        return bool(query.fetchall())


def migrate(
    connection: sqlite3.Connection,
    database_file: DatabaseFile,
    wanted: Sequence[Migration],
    now: int,
) -> tuple[str, ...]:
    """Apply migrations, each in one transaction; return the names of those this call applied."""
    done: list[Migration] = []
    for migration in wanted:
        write_lock = FairFileLock(database_file.folder)
        write_lock.enter()
        try:
            run_with_lock_wait(database_file, connection, "BEGIN IMMEDIATE")
            # Another process may have applied it while we waited for the write lock.
            if missing(connection, database_file, [migration]):
                database_file.run(connection, sql("migrations_create"))
                for statement in split(migration.text):
                    database_file.run(connection, statement)
                row = (migration.number, migration.name, now)
                connection.execute(sql("migrated"), shielded(row)).close()
                done.append(migration)
            database_file.commit(connection)
        finally:
            if connection.in_transaction:
                database_file.run(connection, "ROLLBACK")
            write_lock.close()
    return names(done)


def script(wanted: Sequence[Migration]) -> str:
    """Write migrations for operators who run them by hand, each with the record of its run."""
    parts: list[str] = []
    for migration in wanted:
        name = migration.name.replace("'", "''")
        done = sql("migrated")
        for value in (str(migration.number), f"'{name}'", _NOW):
            done = done.replace("?", value, 1)
        parts += ["BEGIN IMMEDIATE;", f"{sql('migrations_create')};"]
        parts += [migration.text.strip(), f"{done};", "COMMIT;"]
    return "\n\n".join([*parts, ""])


def split(text: str) -> Iterator[str]:
    """Yield the statements of a script; executescript would commit before each."""
    statement = ""
    for line in text.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


def write_ahead(connection: sqlite3.Connection, database_file: DatabaseFile) -> None:
    """Switch the file to the write-ahead log; the file keeps this setting."""
    if database_file.run(connection, "PRAGMA journal_mode") == [("wal",)]:
        return
    # The switch itself does not wait for other connections, so it is made under the write lock.
    write_lock = FairFileLock(database_file.folder)
    write_lock.enter()
    try:
        run_with_lock_wait(database_file, connection, "PRAGMA journal_mode = WAL")
    finally:
        write_lock.close()
