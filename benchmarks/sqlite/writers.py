"""Many processes writing to one file: SQLite's busy handler, a lock file before it, a retry loop of one's own,
or a turnstile of two lock files (wait at the gate, hold it until the inner lock is ours: nobody can push in).

    python benchmarks/sqlite/writers.py [seconds=20] [rounds=3]

Eight worker-like processes (every tenth transaction touches 100 rows, the others one) and four producer-like
ones (one row each; every twentieth 100 rows). A wait runs from wanting the write lock to holding it.
One guest stands for a user's own connection, which knows nothing of a lock file: one row every 50 ms or so,
with the busy timeout Python gives by default, 5 s.
"""

from __future__ import annotations

import fcntl
import multiprocessing
import os
import random
import sqlite3
import statistics
import sys
import time
from collections import defaultdict
from multiprocessing.queues import Queue
from pathlib import Path

from common import connect, folder, insert_sql, percentile, rows, schema

WORKERS, PRODUCERS = 8, 4
STRATEGIES = ("busy_timeout only", "flock, then BEGIN", "own retry, jittered", "flock turnstile")
GUEST = WORKERS + PRODUCERS
Outcome = tuple[int, list[float], int]


class FairFileLock:
    """One way of getting the write lock."""

    def __init__(self, conn: sqlite3.Connection, strategy: str, side: Path) -> None:
        self.conn, self.strategy, self.locked = conn, strategy, 0
        self.file = os.open(side, os.O_RDWR | os.O_CREAT, 0o600)
        self.entry_lock = os.open(side.with_suffix(".gate"), os.O_RDWR | os.O_CREAT, 0o600)
        if strategy == STRATEGIES[2]:
            conn.execute("PRAGMA busy_timeout = 0")

    def enter(self) -> None:
        """Return with the write transaction open; count every "database is locked"."""
        if self.strategy == STRATEGIES[1]:
            fcntl.flock(self.file, fcntl.LOCK_EX)
        elif self.strategy == STRATEGIES[3]:
            fcntl.flock(self.entry_lock, fcntl.LOCK_EX)
            fcntl.flock(self.file, fcntl.LOCK_EX)
            fcntl.flock(self.entry_lock, fcntl.LOCK_UN)
        while True:
            try:
                self.conn.execute("BEGIN IMMEDIATE")
                return
            except sqlite3.OperationalError as error:
                if "locked" not in str(error):
                    raise
                self.locked += 1
                if self.strategy == STRATEGIES[2]:
                    time.sleep(random.uniform(0.0002, 0.002))

    def leave(self) -> None:
        """Commit, then let the next one in."""
        self.conn.execute("COMMIT")
        if self.strategy in (STRATEGIES[1], STRATEGIES[3]):
            fcntl.flock(self.file, fcntl.LOCK_UN)


def writer(path: Path, strategy: str, number: int, until: float, out: Queue[Outcome]) -> None:
    """Write in a loop until the clock says stop; report the waits."""
    conn = connect(path, busy_timeout="5000" if number == GUEST else "60000")
    write_lock = FairFileLock(
        conn, STRATEGIES[0] if number == GUEST else strategy, path.with_name("jobs.db.writers")
    )
    works = number < WORKERS
    small, large = rows(1)[0][1:], [row[1:] for row in rows(100)]
    insert = insert_sql("none")
    waits: list[float] = []
    every = sys.maxsize if number == GUEST else 10 if works else 20
    while time.monotonic() < until:
        if number == GUEST:
            time.sleep(random.uniform(0.03, 0.07))
        begun = time.perf_counter()
        write_lock.enter()
        waits.append(time.perf_counter() - begun)
        batch = large if len(waits) % every == 0 else [small]
        if works:
            low = random.randrange(1, 5000)
            claim = "UPDATE job SET fence = fence + 1, worker = ? WHERE seq BETWEEN ? AND ?"
            conn.execute(claim, (f"w{number}", low, low + len(batch) - 1))
        else:
            conn.executemany(insert, batch)
        write_lock.leave()
    out.put((number, waits, write_lock.locked))
    conn.close()


def trial(strategy: str, seconds: float) -> dict[str, float]:
    """One run of twelve processes."""
    context = multiprocessing.get_context("spawn")
    with folder() as base:
        path = base / "jobs.db"
        conn = connect(path)
        conn.executescript(schema("none"))
        conn.execute("BEGIN")
        conn.executemany(insert_sql("none"), rows(5000, "none"))
        conn.execute("COMMIT")
        out: Queue[Outcome] = context.Queue()
        until = time.monotonic() + 2 + seconds
        crowd = [
            context.Process(target=writer, args=(path, strategy, number, until, out), daemon=True)
            for number in range(GUEST + 1)
        ]
        for process in crowd:
            process.start()
        done = [out.get(timeout=seconds + 90) for _ in crowd]
        for process in crowd:
            process.join()
        conn.close()
    crew = [each for number, each, _ in done if number != GUEST]
    waits = [wait * 1000 for each in crew for wait in each]
    counts = [len(each) for each in crew]
    guest = next(
        ([wait * 1000 for wait in each], locked) for number, each, locked in done if number == GUEST
    )
    return {
        "transactions/s": sum(counts) / (seconds + 2),
        "wait p50 ms": percentile(waits, 0.50),
        "wait p99 ms": percentile(waits, 0.99),
        "wait p99.9 ms": percentile(waits, 0.999),
        "wait max ms": max(waits),
        "unluckiest share of fair": min(counts) / statistics.mean(counts),
        "luckiest share of fair": max(counts) / statistics.mean(counts),
        "database is locked": float(sum(locked for number, _, locked in done if number != GUEST)),
        "guest: wait p50 ms": percentile(guest[0], 0.50),
        "guest: wait max ms": max(guest[0]),
        "guest: database is locked": float(guest[1]),
    }


def main() -> None:
    """Interleave the strategies, and print the median of each figure."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 20
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    figures: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for _ in range(rounds):
        for strategy in STRATEGIES:
            for name, value in trial(strategy, seconds).items():
                figures[name][strategy].append(value)
    print(f"{'':<28}" + "".join(f"{strategy:>20}" for strategy in STRATEGIES))
    for name, by in figures.items():
        print(
            f"{name:<28}"
            + "".join(f"{statistics.median(by[strategy]):>20,.2f}" for strategy in STRATEGIES)
        )


if __name__ == "__main__":
    main()
