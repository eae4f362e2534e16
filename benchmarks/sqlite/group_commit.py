"""Who should commit for many callers: the caller that found the lock free, a writer thread, or the loop itself?

    python benchmarks/sqlite/group_commit.py

(i) one sync caller in a loop; (ii) 16 sync threads; (iii) one async caller; (iv) 100 at once. One durable commit per group.
"""

from __future__ import annotations

import asyncio
import importlib
import sqlite3
import threading
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from committers import INSERT, Leader, LoopLeader, NaiveLeader, WriterThread
from common import connect, folder, report, rows, schema

Figures = dict[str, list[float]]
ROUNDS, SECONDS, CALLERS, THREADS = 3, 1.0, 100, 16
ROW = rows(1, "none")[0]


def sync_rate(submit: Callable[[Any], object], threads: int) -> float:
    """Enqueues a second of some threads in a loop."""
    counts = [0] * threads
    until = time.perf_counter() + SECONDS

    def caller(number: int) -> None:
        while time.perf_counter() < until:
            submit(ROW)
            counts[number] += 1

    crowd = [threading.Thread(target=caller, args=(number,)) for number in range(threads)]
    for thread in crowd:
        thread.start()
    for thread in crowd:
        thread.join()
    return sum(counts) / SECONDS


async def async_rate(submit: Callable[[Any], Awaitable[None]], callers: int) -> float:
    """Enqueues a second of the concurrent async callers."""
    count, until = 0, time.perf_counter() + SECONDS

    async def caller() -> None:
        nonlocal count
        while time.perf_counter() < until:
            await submit(ROW)
            count += 1

    await asyncio.gather(*(caller() for _ in range(callers)))
    return count / SECONDS


def sync_round(conn: sqlite3.Connection, one: Figures, many: Figures) -> None:
    """Every sync way, with one thread and with many."""
    lock = threading.Lock()

    def locked(row: Any) -> None:
        with lock:
            conn.execute(INSERT, row)

    one["bare INSERT commit"].append(sync_rate(partial(conn.execute, INSERT), 1))
    writer = WriterThread(conn)
    for figures, threads in ((one, 1), (many, THREADS)):
        figures["a lock, one commit each"].append(sync_rate(locked, threads))
        figures["leader/follower, one lock"].append(sync_rate(NaiveLeader(conn).submit, threads))
        figures["leader/follower, hand-over"].append(sync_rate(Leader(conn).submit, threads))
        figures["writer thread"].append(sync_rate(writer.submit, threads))
    writer.inbox.put(None)


async def async_round(conn: sqlite3.Connection, single: Figures, concurrent: Figures) -> None:
    """Every async way, with one caller and with many."""
    writer, leader = WriterThread(conn, asyncio.get_running_loop()), Leader(conn)
    ways: dict[str, Callable[[Any], Awaitable[None]]] = {
        "writer thread": writer.asubmit,
        "loop gathers, executor commits": LoopLeader(conn).asubmit,
        "loop gathers and commits (blocks)": LoopLeader(conn, True).asubmit,
        "to_thread(leader/follower)": lambda row: asyncio.to_thread(leader.submit, row),
    }
    for figures, callers in ((single, 1), (concurrent, CALLERS)):
        for name, submit in ways.items():
            figures[name].append(await async_rate(submit, callers))
    writer.inbox.put(None)


def main() -> None:
    """Interleave the ways, and print medians with ratios."""
    try:
        run: Callable[[Any], float] = importlib.import_module("uvloop").run
    except ImportError:
        print("uvloop is not installed: asyncio's own loop is used (pip install uvloop)")
        run = asyncio.run
    one, many, single, concurrent = (defaultdict[str, list[float]](list) for _ in range(4))
    for _ in range(ROUNDS):
        with folder() as base:
            conn = connect(base / "jobs.db")
            conn.executescript(schema("none"))
            sync_round(conn, one, many)
            run(async_round(conn, single, concurrent))
            conn.close()
    report("(i) one sync caller", one, "bare INSERT commit")
    report(f"(ii) {THREADS} sync threads", many, "a lock, one commit each")
    report("(iii) one async caller", single, "writer thread")
    report(f"(iv) {CALLERS} async callers", concurrent, "writer thread")


if __name__ == "__main__":
    main()
