"""What the store itself can do, written straight against its driver: the ceiling of any engine."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

_ROW = (b'{"number":1}', "default", 1)
_BATCH = 1000


def sqlite_limits(folder: Path, *, durability: str, seconds: float) -> dict[str, float]:
    """Measure commits of one row, inserts by the thousand, and whole lifecycles by the thousand.

    A lifecycle is insert, claim and completion of one row in a table with one partial index.
    """
    with closing(sqlite3.connect(folder / "limits.db", isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute(f"PRAGMA synchronous={'FULL' if durability == 'full' else 'NORMAL'}")
        connection.execute(
            "CREATE TABLE job (id INTEGER PRIMARY KEY, args BLOB, queue TEXT, state INTEGER)"
        )
        connection.execute("CREATE INDEX ready ON job(queue, id) WHERE state = 1")
        return {
            "limit_commit_per_s": rate(seconds, lambda: _insert(connection, 1)),
            "limit_insert_per_s": rate(seconds, lambda: _insert(connection, _BATCH)),
            "limit_lifecycle_per_s": rate(seconds, lambda: _lifecycle(connection)),
        }


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


def rate(seconds: float, step: Callable[[], int]) -> float:
    """Repeat a step for so long and return how many rows a second it did."""
    done, started = 0, time.perf_counter()
    while (passed := time.perf_counter() - started) < seconds:
        done += step()
    return done / passed
