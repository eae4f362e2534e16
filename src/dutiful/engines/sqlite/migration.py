"""Bringing the schema up to date, however many processes start at once."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence

from dutiful.contract.migrations import Migration, lacking, names, release

from .adapters import shielded
from .connection import Runs, translated
from .door import Door
from .patience import run_patiently
from .place import Place
from .statements import sql

_NOW = "CAST(strftime('%s', 'now') AS INTEGER) * 1000000"


def missing(connection: Runs, place: Place, known: Sequence[Migration]) -> tuple[Migration, ...]:
    """Return the migrations that the file lacks; SchemaMismatch when this release is too old."""
    applied: dict[int, str] = {}
    if place.run(connection, sql("tables")):
        rows = place.run(connection, sql("migrations"))
        applied = {int(str(number)): str(name) for number, name in rows}
    return lacking(known, applied, str(place.path))


def others(connection: sqlite3.Connection, place: Place, boot: str, ticks: int) -> bool:
    """Whether a worker of another release is alive."""
    with translated(place.path):
        query = connection.execute(sql("strangers"), shielded((release(), boot, ticks)))
        return bool(query.fetchall())


def migrate(
    connection: sqlite3.Connection, place: Place, wanted: Sequence[Migration], now: int
) -> tuple[str, ...]:
    """Apply migrations, each in one transaction, and return the names of what this call did."""
    done: list[Migration] = []
    for migration in wanted:
        door = Door(place.folder)
        door.enter()
        try:
            run_patiently(place, connection, "BEGIN IMMEDIATE")
            # Another process may have done it while we waited for our turn.
            if missing(connection, place, [migration]):
                place.run(connection, sql("migrations_create"))
                for statement in split(migration.text):
                    place.run(connection, statement)
                row = (migration.number, migration.name, now)
                connection.execute(sql("migrated"), shielded(row)).close()
                done.append(migration)
            place.commit(connection)
        finally:
            if connection.in_transaction:
                place.run(connection, "ROLLBACK")
            door.close()
    return names(done)


def script(wanted: Sequence[Migration]) -> str:
    """Write migrations for people who run them by hand, each with the record that it was run."""
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


def write_ahead(connection: sqlite3.Connection, place: Place) -> None:
    """Switch the file to the write-ahead log, which it remembers."""
    if place.run(connection, "PRAGMA journal_mode") == [("wal",)]:
        return
    # The switch does not wait for others by itself, so it is made in turn.
    door = Door(place.folder)
    door.enter()
    try:
        run_patiently(place, connection, "PRAGMA journal_mode = WAL")
    finally:
        door.close()
