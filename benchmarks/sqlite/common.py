"""Shared by the SQLite measurements: the job table under test, its rows, timing and medians."""

from __future__ import annotations

import os
import shutil
import sqlite3
import statistics
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

PRAGMAS = {
    "journal_mode": "WAL",
    "synchronous": "FULL",
    "busy_timeout": "60000",
    "cache_size": "-16000",
    "temp_store": "MEMORY",
}

ARGS = b'{"order_id":42,"note":"a small payload, as most are"}'
RESULT = '{"ok":true,"charged":4200}'

ID_COLUMN = {"text": "id TEXT NOT NULL,", "blob": "id BLOB NOT NULL,", "none": ""}
ID_INDEX = "CREATE UNIQUE INDEX job_id ON job(id);"

PARTIAL_INDEXES = """
CREATE INDEX job_due ON job(run_at) WHERE state = 0;
CREATE INDEX job_ready ON job(queue, priority DESC, run_at, seq) WHERE state = 1;
CREATE INDEX job_running ON job(worker) WHERE state = 2;
CREATE INDEX job_final ON job(state, finished_at) WHERE state >= 4;
"""
FULL_INDEX = """
CREATE INDEX job_ready ON job(state, queue, priority DESC, run_at, seq);
CREATE INDEX job_final ON job(state, finished_at) WHERE state >= 4;
"""

CLAIM = """
UPDATE job SET state = 2, worker = ?, fence = fence + 1, attempt = attempt + 1, started_at = ?
WHERE seq IN (SELECT seq FROM job WHERE state = 1 AND queue = ?
              ORDER BY priority DESC, run_at, seq LIMIT ?)
RETURNING seq, task, args, attempt, fence
"""
SETTLE = """
UPDATE job SET state = ?, finished_at = ?, result = ?, worker = NULL
WHERE seq = ? AND fence = ? AND state = 2
"""


def schema(id_kind: str = "text", indexes: str = PARTIAL_INDEXES, id_index: bool = True) -> str:
    """The job table with the given kind of public id and set of indexes."""
    table = f"""
    CREATE TABLE job (
      seq INTEGER PRIMARY KEY, {ID_COLUMN[id_kind]}
      queue TEXT NOT NULL, task TEXT NOT NULL, state INTEGER NOT NULL,
      priority INTEGER NOT NULL DEFAULT 0, run_at INTEGER NOT NULL, args BLOB NOT NULL,
      attempt INTEGER NOT NULL DEFAULT 0, fence INTEGER NOT NULL DEFAULT 0, worker TEXT,
      enqueued_at INTEGER NOT NULL, started_at INTEGER, finished_at INTEGER, result TEXT);
    """
    return table + indexes + (ID_INDEX if id_index and id_kind != "none" else "")


def insert_sql(id_kind: str = "text") -> str:
    """INSERT of one queued job, its id first unless the table has none."""
    name, mark = ("", "") if id_kind == "none" else ("id, ", "?, ")
    return (
        f"INSERT INTO job({name}queue, task, state, priority, run_at, args, enqueued_at)"
        f" VALUES ({mark}?, ?, 1, ?, ?, ?, ?)"
    )


def ordered_id() -> uuid.UUID:
    """A UUID of version 7: 48 bits of milliseconds, then randomness, so that ids arrive in order."""
    stamp = time.time_ns() // 1_000_000
    value = stamp << 80 | 0x7 << 76 | int.from_bytes(os.urandom(9), "big") & ~(0x3 << 62)
    return uuid.UUID(int=value & ~(0x3 << 62) | 0x2 << 62)


def rows(count: int, id_kind: str = "text", random_id: bool = False) -> list[tuple[Any, ...]]:
    """Parameters for `insert_sql`, made before the clock starts."""
    now = time.time_ns() // 1000
    make = uuid.uuid4 if random_id else ordered_id
    tail = ("default", "shop.charge", 0, now, ARGS, now)
    if id_kind == "none":
        return [tail] * count
    return [((str(make()) if id_kind == "text" else make().bytes), *tail) for _ in range(count)]


def connect(path: Path, **overrides: str) -> sqlite3.Connection:
    """A stdlib connection without implicit transactions, in the settings under test."""
    conn = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=60)
    for name, value in {**PRAGMAS, **overrides}.items():
        conn.execute(f"PRAGMA {name} = {value}").fetchall()
    return conn


@contextmanager
def folder() -> Iterator[Path]:
    """A scratch folder on disk (BENCH_DIR, else the system's temporary folder), removed afterwards."""
    path = Path(tempfile.mkdtemp(prefix="dutiful-bench-", dir=os.environ.get("BENCH_DIR")))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def rate(count: int, work: Callable[[], object]) -> float:
    """How many a second, when `work` handles `count`."""
    begun = time.perf_counter()
    work()
    return count / (time.perf_counter() - begun)


def report(title: str, figures: dict[str, list[float]], base: str, unit: str = "/s") -> None:
    """Print medians, ranges and the ratio to the row called `base`."""
    print(f"\n{title}")
    floor = statistics.median(figures[base])
    for name, runs in figures.items():
        mid = statistics.median(runs)
        print(
            f"  {name:<44} {mid:>12,.1f}{unit} {mid / floor:>6.2f}x  ({min(runs):,.1f}..{max(runs):,.1f})"
        )


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which `share` (0..1) of the sorted values lie."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else float("nan")
