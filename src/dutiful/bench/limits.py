"""What the store itself can do, written straight against its driver: the ceiling of any engine."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Generator
from contextlib import closing, contextmanager
from pathlib import Path
from time import perf_counter

_ROW = (b'{"number":1}', "default", 1)
_BATCH = 1000
_TABLE = "CREATE TABLE job (id INTEGER PRIMARY KEY, args BLOB, queue TEXT, state INTEGER)"
_SLICE = 0.1
"""Seconds that each of the rates that are compared is measured in its turn."""

Step = Callable[[], int]
"""Does something once and returns how many rows it was for."""


def sqlite_limits(folder: Path, *, seconds: float) -> dict[str, float]:
    """Measure inserts by the thousand, and whole lifecycles by the thousand.

    A lifecycle is insert, claim and completion of one row in a table with one partial index.
    """
    with closing(_connect(folder / "limits.db")) as connection:
        connection.execute("CREATE INDEX ready ON job(queue, id) WHERE state = 1")
        return {
            "limit_insert_per_s": rate(seconds, lambda: _insert(connection, _BATCH)),
            "limit_lifecycle_per_s": rate(seconds, lambda: _lifecycle(connection)),
        }


@contextmanager
def sqlite_commits(folder: Path) -> Generator[Step]:
    """Lend a step that commits one row, for the length of a ``with`` block."""
    with closing(_connect(folder / "commits.db")) as connection:
        yield lambda: _insert(connection, 1)


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute(_TABLE)
    return connection


def _insert(connection: sqlite3.Connection, count: int) -> int:
    connection.execute("BEGIN IMMEDIATE")
    connection.executemany("INSERT INTO job(args, queue, state) VALUES (?, ?, ?)", [_ROW] * count)
    connection.execute("COMMIT")
    return count


def _lifecycle(connection: sqlite3.Connection) -> int:
    _insert(connection, _BATCH)
    connection.execute("BEGIN IMMEDIATE")
    claimed = connection.execute(
        "UPDATE job SET state = 2 WHERE id IN (SELECT id FROM job WHERE state = 1 AND "
        "queue = 'default' ORDER BY id LIMIT ?) RETURNING id",
        (_BATCH,),
    ).fetchall()
    connection.execute("COMMIT")
    connection.execute("BEGIN IMMEDIATE")
    connection.executemany("UPDATE job SET state = 4 WHERE id = ?", claimed)
    connection.execute("COMMIT")
    return _BATCH


def rate(seconds: float, step: Step) -> float:
    """Repeat a step for so long and return how many rows a second it did."""
    return rates(seconds, step)[0]


def rates(seconds: float, *steps: Step) -> list[float]:
    """Repeat each step for so long, in turns of a moment each, and return rows a second of each.

    In turns, so that what else the machine and its disk do meanwhile slows all of them alike.
    """
    rows, passed = [0] * len(steps), [0.0] * len(steps)
    while min(passed) < seconds:
        for number, step in enumerate(steps):
            started = perf_counter()
            end = started + min(_SLICE, seconds)
            while perf_counter() < end:
                rows[number] += step()
            passed[number] += perf_counter() - started
    return [count / spent for count, spent in zip(rows, passed, strict=True)]
