"""Compare table layouts, settings and statement forms by the lifecycle of a job: insert, claim, settle, row kept.

python benchmarks/sqlite/layout.py
"""

from __future__ import annotations

import json
import sqlite3
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from common import (
    CLAIM,
    FULL_INDEX,
    RESULT,
    SETTLE,
    connect,
    folder,
    insert_sql,
    rate,
    report,
    rows,
    schema,
)

ROUNDS, BATCHES, BATCH = 5, 30, 1000
NO_INDEX_ON_RUNNING = "\n".join(
    line
    for line in schema().splitlines()
    if line.startswith("CREATE INDEX") and "job_running" not in line
)
ARCHIVE = """
CREATE TABLE done (seq INTEGER PRIMARY KEY, id TEXT, queue TEXT, task TEXT, state INTEGER, priority INTEGER,
  run_at INTEGER, args BLOB, attempt INTEGER, enqueued_at INTEGER, started_at INTEGER, finished_at INTEGER, result TEXT);
CREATE INDEX done_final ON done(state, finished_at);
"""
MOVE = """
INSERT INTO done SELECT seq, id, queue, task, ?, priority, run_at, args, attempt, enqueued_at, started_at, ?, ?
FROM job WHERE seq = ? AND fence = ? AND state = 2
"""
Settle = Callable[[sqlite3.Connection, list[Any]], object]
Claim = Callable[[sqlite3.Connection], list[Any]]
Variant = tuple[str, dict[str, str], str, bool, Claim, Settle]


def claim_returning(conn: sqlite3.Connection) -> list[Any]:
    """One statement."""
    return conn.execute(CLAIM, ("w1", 1, "default", BATCH)).fetchall()


def claim_select_many(conn: sqlite3.Connection) -> list[Any]:
    """SELECT inside the write transaction, then one UPDATE a row."""
    jobs = conn.execute(
        "SELECT seq, task, args, attempt + 1, fence + 1 FROM job WHERE state = 1 AND queue = ?"
        " ORDER BY priority DESC, run_at, seq LIMIT ?",
        ("default", BATCH),
    ).fetchall()
    conn.executemany(
        "UPDATE job SET state = 2, worker = 'w1', fence = fence + 1, attempt = attempt + 1, started_at = 1"
        " WHERE seq = ?",
        [(job[0],) for job in jobs],
    )
    return jobs


def settle_many(conn: sqlite3.Connection, jobs: list[Any]) -> None:
    """One UPDATE a job, by executemany."""
    conn.executemany(SETTLE, [(4, 2, RESULT, job[0], job[4]) for job in jobs])


def settle_json(conn: sqlite3.Connection, jobs: list[Any]) -> None:
    """One UPDATE joined on a JSON array; RETURNING names the accepted."""
    conn.execute(
        "UPDATE job SET state = v.value ->> 2, finished_at = 2, result = v.value ->> 3, worker = NULL"
        " FROM json_each(?) AS v WHERE job.seq = v.value ->> 0 AND fence = v.value ->> 1 AND job.state = 2"
        " RETURNING seq",
        (json.dumps([(job[0], job[4], 4, RESULT) for job in jobs]),),
    ).fetchall()


def settle_values(conn: sqlite3.Connection, jobs: list[Any]) -> None:
    """One UPDATE joined on a VALUES list of bound parameters."""
    if not jobs:
        return
    marks = ",".join(["(?,?,?,?)"] * len(jobs))
    conn.execute(
        "WITH v(seq, fence, state, result) AS (VALUES "
        + marks
        + ") UPDATE job SET state = v.state, finished_at = 2,"
        " result = v.result, worker = NULL FROM v WHERE job.seq = v.seq AND job.fence = v.fence AND job.state = 2"
        " RETURNING job.seq",
        [item for job in jobs for item in (job[0], job[4], 4, RESULT)],
    ).fetchall()


def settle_apart(conn: sqlite3.Connection, jobs: list[Any]) -> None:
    """The result goes to a table of its own."""
    conn.executemany(SETTLE, [(4, 2, None, job[0], job[4]) for job in jobs])
    conn.executemany("INSERT INTO result VALUES (?, ?)", [(job[0], RESULT) for job in jobs])


def settle_move(conn: sqlite3.Connection, jobs: list[Any]) -> None:
    """The finished row moves to a second table."""
    conn.executemany(MOVE, [(4, 2, RESULT, job[0], job[4]) for job in jobs])
    conn.executemany(
        "DELETE FROM job WHERE seq = ? AND fence = ? AND state = 2",
        [(job[0], job[4]) for job in jobs],
    )


def lifecycle(
    tables: str,
    settings: dict[str, str],
    id_kind: str,
    random_id: bool,
    claim: Claim,
    settle: Settle,
) -> dict[str, float]:
    """Rates of insert, of settle+claim, and of the whole; kept rows; transactions of 1000."""
    with folder() as base:
        path = base / "jobs.db"
        if "page_size" in settings:
            sqlite3.connect(path).execute(
                f"PRAGMA page_size = {settings['page_size']}"
            ).connection.execute("VACUUM")
        conn = connect(path, **settings)
        conn.executescript(tables)
        made = [rows(BATCH, id_kind, random_id) for _ in range(BATCHES)]

        def insert() -> None:
            for batch in made:
                conn.execute("BEGIN IMMEDIATE")
                conn.executemany(insert_sql(id_kind), batch)
                conn.execute("COMMIT")

        def consume() -> None:
            jobs: list[Any] = []
            for _ in range(BATCHES + 1):
                conn.execute("BEGIN IMMEDIATE")
                settle(conn, jobs)
                jobs = claim(conn)
                conn.execute("COMMIT")

        count = BATCH * BATCHES
        inserts, moves = rate(count, insert), rate(count, consume)
        left = conn.execute("SELECT count(*) FROM job WHERE state < 4").fetchone()[0]
        assert left == 0, f"{left} jobs not settled"
        conn.close()
    return {"insert": inserts, "settle+claim": moves, "lifecycle": 1 / (1 / inserts + 1 / moves)}


def main() -> None:
    """Interleave every variant, and print medians with ratios to the first."""
    base: Variant = (schema(), {}, "text", False, claim_returning, settle_many)
    variants: dict[str, Variant] = {
        "base: text uuid7, partial indexes, executemany": base,
        "id: text uuid4 (random)": (*base[:3], True, *base[4:]),
        "id: blob uuid7": (schema("blob"), {}, "blob", *base[3:]),
        "id: blob uuid4 (random)": (schema("blob"), {}, "blob", True, *base[4:]),
        "id: blob, no index on it": (schema("blob", id_index=False), {}, "blob", *base[3:]),
        "id: none": (schema("none"), {}, "none", *base[3:]),
        "indexes: one full index (state, queue, ..)": (schema(indexes=FULL_INDEX), *base[1:]),
        "indexes: partial, none on running": (schema(indexes=NO_INDEX_ON_RUNNING), *base[1:]),
        "result: table of its own": (
            schema() + "CREATE TABLE result(seq INTEGER PRIMARY KEY, body TEXT);",
            *base[1:5],
            settle_apart,
        ),
        "finished rows: moved to a second table": (schema() + ARCHIVE, *base[1:5], settle_move),
        "claim: SELECT then executemany UPDATE": (*base[:4], claim_select_many, settle_many),
        "settle: UPDATE FROM json_each": (*base[:5], settle_json),
        "settle: UPDATE FROM VALUES": (*base[:5], settle_values),
    }
    for name, settings in {
        "page_size 8192": {"page_size": "8192"},
        "page_size 16384": {"page_size": "16384"},
        "cache_size 2 MB (the default)": {"cache_size": "-2000"},
        "cache_size 64 MB": {"cache_size": "-64000"},
        "mmap_size 256 MB": {"mmap_size": "268435456"},
        "wal_autocheckpoint 4000": {"wal_autocheckpoint": "4000"},
        "wal_autocheckpoint 10000": {"wal_autocheckpoint": "10000"},
        "temp_store DEFAULT (file)": {"temp_store": "DEFAULT"},
        "synchronous NORMAL": {"synchronous": "NORMAL"},
    }.items():
        variants[f"pragma: {name}"] = (base[0], settings, *base[2:])
    figures: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for _ in range(ROUNDS):
        for name, variant in variants.items():
            for part, value in lifecycle(*variant).items():
                figures[part][name].append(value)
    for part, runs in figures.items():
        report(part, runs, "base: text uuid7, partial indexes, executemany")


if __name__ == "__main__":
    main()
