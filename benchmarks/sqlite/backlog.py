"""Claim and settle with 10^4 and 10^6 queued rows, over one queue and over three.

python benchmarks/sqlite/backlog.py
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections import defaultdict
from typing import Any

from common import RESULT, SETTLE, connect, folder, insert_sql, report, rows, schema

ROUNDS, TIMES = 3, {1000: 3, 10: 100}
SIZES = (10_000, 1_000_000)
DEFAULT = "checkpoint at 1000 pages"
SETTINGS: dict[str, dict[str, str]] = {
    DEFAULT: {},
    "checkpoint at 8000 pages": {"wal_autocheckpoint": "8000"},
}
QUEUES = ("default", "mail", "billing")

HEAD = "UPDATE job SET state = 2, worker = 'w1', fence = fence + 1, attempt = attempt + 1, started_at = 1 WHERE seq IN ("
TAIL = ") RETURNING seq, task, args, attempt, fence"
ONE = (
    "SELECT seq FROM job WHERE state = 1 AND queue = ? ORDER BY priority DESC, run_at, seq LIMIT ?"
)
LISTED = ONE.replace("queue = ?", "queue IN (?, ?, ?)")
ARM = "SELECT * FROM (SELECT seq, priority, run_at FROM job WHERE state = 1 AND queue = ? ORDER BY priority DESC, run_at, seq LIMIT ?)"
MERGED = f"SELECT seq FROM ({ARM} UNION ALL {ARM} UNION ALL {ARM}) ORDER BY priority DESC, run_at, seq LIMIT ?"


def fill(conn: sqlite3.Connection, count: int, mixed: bool) -> None:
    """Enqueue `count` jobs: in one line, or dealt in turn to three queues and five priorities."""
    made = rows(count)
    if mixed:
        made = [
            (row[0], QUEUES[at % 3], row[2], at // 3 % 5, *row[4:]) for at, row in enumerate(made)
        ]
    conn.execute("BEGIN IMMEDIATE")
    conn.executemany(insert_sql(), made)
    conn.execute("COMMIT")


def top_up(conn: sqlite3.Connection, size: int, mixed: bool) -> None:
    """Bring the first queue back to its share of `size`, and let the disk come to rest."""
    count = "SELECT count(*) FROM job WHERE state = 1 AND queue = ?"
    queued = conn.execute(count, (QUEUES[0],)).fetchone()[0] * (len(QUEUES) if mixed else 1)
    fill(conn, max(0, size - queued), mixed)
    conn.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    os.sync()


def consume(conn: sqlite3.Connection, form: str, given: tuple[Any, ...]) -> float:
    """Settle the last batch and claim the next in one transaction, some times over; jobs a second."""
    jobs: list[Any] = []
    count, times = 0, TIMES[given[-1]]
    begun = time.perf_counter()
    for turn in range(times + 1):
        conn.execute("BEGIN IMMEDIATE")
        conn.executemany(SETTLE, [(4, 2, RESULT, job[0], job[4]) for job in jobs])
        jobs = conn.execute(HEAD + form + TAIL, given).fetchall() if turn < times else []
        conn.execute("COMMIT")
        count += len(jobs)
    return count / (time.perf_counter() - begun)


def main() -> None:
    """Fill once per size, top up before each run, claim and settle in batches; rows are kept."""
    forms: dict[str, tuple[str, tuple[Any, ...]]] = {}
    for size in (1000, 10):
        arms = tuple(value for queue in QUEUES for value in (queue, size))
        forms[f"one queue, by {size}"] = (ONE, (QUEUES[0], size))
        forms[f"three queues, IN (..), by {size}"] = (LISTED, (*QUEUES, size))
        forms[f"three queues, an arm each, by {size}"] = (MERGED, (*arms, size))
    figures: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    with folder() as base:
        for mixed in (False, True):
            files = {size: base / f"{size}-{mixed}.db" for size in SIZES}
            for size, path in files.items():
                conn = connect(path)
                conn.executescript(schema())
                for _ in range(size // 10_000):
                    fill(conn, 10_000, mixed)
                conn.close()
            for _ in range(ROUNDS):
                for name, settings in SETTINGS.items():
                    for size, path in files.items():
                        conn = connect(path, **settings)
                        for form, (sql, given) in forms.items():
                            if name == DEFAULT or form.startswith("one queue"):
                                top_up(conn, size, mixed)
                                kind = f"{form}, {'15 strands' if mixed else 'one line'}, {name}"
                                figures[kind][f"{size:,} queued"].append(consume(conn, sql, given))
                        conn.close()
        conn = connect(base / f"{SIZES[1]}-True.db")
        plan = conn.execute(
            "EXPLAIN QUERY PLAN " + HEAD + LISTED + TAIL, (*QUEUES, 1000)
        ).fetchall()
        conn.close()
    for name, runs in figures.items():
        report(f"settle+claim, {name}", runs, f"{SIZES[0]:,} queued")
    print("\nplan of IN (..):", *(row[3] for row in plan), sep="\n  ")


if __name__ == "__main__":
    main()
