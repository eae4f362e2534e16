"""Bringing the schema up to date, however many processes start at once."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

from dutiful.core.errors import SchemaMismatch

from .door import Door
from .place import Place
from .statements import migrations, sql


def missing(connection: sqlite3.Connection, place: Place) -> tuple[str, ...]:
    """Return the names of the migrations that the file lacks; SchemaMismatch for a newer file."""
    applied = _applied(connection, place)
    known = {number for number, _, _ in migrations()}
    if applied - known:
        raise SchemaMismatch(
            f"{place.path} has schema {max(applied)}, and this version of Dutiful knows "
            f"{max(known)} at most; upgrade dutiful here as it was upgraded where the file was "
            "migrated"
        )
    return tuple(name for number, name, _ in migrations() if number not in applied)


def migrate(connection: sqlite3.Connection, place: Place, now: int) -> tuple[str, ...]:
    """Apply what is missing, each migration in one transaction, and return the names."""
    done: list[str] = []
    for number, name, text in migrations():
        if name not in missing(connection, place):
            continue
        door = Door(place.folder)
        door.enter()
        try:
            place.run(connection, "BEGIN IMMEDIATE")
            # Another process may have done it while we waited for our turn.
            if name in missing(connection, place):
                place.run(connection, sql("migrations_create"))
                for statement in split(text):
                    place.run(connection, statement)
                connection.execute(sql("migrated"), (number, name, now)).close()
                done.append(name)
            place.run(connection, "COMMIT", committing=True)
        finally:
            if connection.in_transaction:
                place.run(connection, "ROLLBACK")
            door.close()
    return tuple(done)


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
        place.run(connection, "PRAGMA journal_mode = WAL")
    finally:
        door.close()


def _applied(connection: sqlite3.Connection, place: Place) -> set[int]:
    if not place.run(connection, sql("tables")):
        return set()
    return {int(str(number)) for (number,) in place.run(connection, sql("migrations"))}
