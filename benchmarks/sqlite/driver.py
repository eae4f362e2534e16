"""Compare drivers on the hot operations: stdlib sqlite3, apsw, aiosqlite; by batches of 1000 and by ones.

    python benchmarks/sqlite/driver.py

Drivers that are not installed are left out, and named.
"""

from __future__ import annotations

import asyncio
import importlib
from collections import defaultdict
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

from common import (
    CLAIM,
    PRAGMAS,
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

ROUNDS, BATCHES, BATCH, ONES = 3, 20, 1000, 300
Figures = dict[str, dict[str, list[float]]]


def optional(name: str) -> ModuleType | None:
    """The module, or None with a line that says what is left out."""
    try:
        return importlib.import_module(name)
    except ImportError:
        print(f"{name} is not installed: its rows are left out (pip install {name})")
        return None


def open_apsw(apsw: ModuleType, path: Path) -> Any:
    """An apsw connection in the same settings."""
    conn = apsw.Connection(str(path))
    for name, value in PRAGMAS.items():
        conn.execute(f"PRAGMA {name} = {value}").fetchall()
    return conn


def each(work: Callable[[Any], None], items: list[Any]) -> None:
    """Do the work for every item."""
    for item in items:
        work(item)


def measure(conn: Any, note: Callable[[str, float], None]) -> None:
    """Run every hot operation on a connection (sqlite3's or apsw's: the calls are the same)."""

    def transaction(work: Callable[[], Any]) -> Any:
        conn.execute("BEGIN IMMEDIATE")
        value = work()
        conn.execute("COMMIT")
        return value

    def insert(batch: list[tuple[Any, ...]]) -> None:
        transaction(lambda: conn.executemany(insert_sql(), batch))

    def claim(limit: int) -> Any:
        return transaction(lambda: conn.execute(CLAIM, ("w1", 1, "default", limit)).fetchall())

    def settle(jobs: list[Any]) -> None:
        done = [(4, 2, RESULT, job[0], job[4]) for job in jobs]
        transaction(lambda: conn.executemany(SETTLE, done))

    def hold(held: list[list[Any]], limit: int) -> None:
        held.append(claim(limit))

    def lifecycle(size: int, times: int) -> None:
        jobs: list[Any] = []
        for _ in range(times + 1):
            conn.execute("BEGIN IMMEDIATE")
            conn.executemany(SETTLE, [(4, 2, RESULT, job[0], job[4]) for job in jobs])
            jobs = conn.execute(CLAIM, ("w1", 1, "default", size)).fetchall()
            conn.execute("COMMIT")

    for size, times in ((BATCH, BATCHES), (1, ONES)):
        made = [rows(size) for _ in range(times)]
        held: list[list[Any]] = []
        note(f"insert by {size}", rate(size * times, partial(each, insert, made)))
        note(
            f"claim by {size}",
            rate(size * times, partial(each, partial(hold, held), [size] * times)),
        )
        note(f"settle by {size}", rate(size * times, partial(each, settle, held)))
        insert(rows(size * times))

        note(
            f"settle+claim, one transaction, by {size}",
            rate(size * times, partial(lifecycle, size, times)),
        )


async def measure_aiosqlite(
    aiosqlite: ModuleType, path: Path, note: Callable[[str, float], None]
) -> None:
    """The same operations through aiosqlite, whose every call crosses to its thread and back."""
    loop = asyncio.get_running_loop()
    async with aiosqlite.connect(path, isolation_level=None) as conn:
        for name, value in PRAGMAS.items():
            await conn.execute(f"PRAGMA {name} = {value}")
        for size, times in ((BATCH, BATCHES), (1, ONES)):
            made = [rows(size) for _ in range(times)]
            held: list[list[Any]] = []
            begun = loop.time()
            for batch in made:
                await conn.execute("BEGIN IMMEDIATE")
                await conn.executemany(insert_sql(), batch)
                await conn.execute("COMMIT")
            note(f"insert by {size}", size * times / (loop.time() - begun))
            begun = loop.time()
            for _ in range(times):
                await conn.execute("BEGIN IMMEDIATE")
                held.append(list(await conn.execute_fetchall(CLAIM, ("w1", 1, "default", size))))
                await conn.execute("COMMIT")
            note(f"claim by {size}", size * times / (loop.time() - begun))
            begun = loop.time()
            for jobs in held:
                await conn.execute("BEGIN IMMEDIATE")
                await conn.executemany(SETTLE, [(4, 2, RESULT, job[0], job[4]) for job in jobs])
                await conn.execute("COMMIT")
            note(f"settle by {size}", size * times / (loop.time() - begun))


def main() -> None:
    """Interleave the drivers, three rounds, and print medians with ratios to the stdlib."""
    apsw, aiosqlite = optional("apsw"), optional("aiosqlite")
    figures: Figures = defaultdict(lambda: defaultdict(list))
    names = ["sqlite3"] + ["apsw"] * bool(apsw) + ["aiosqlite"] * bool(aiosqlite)
    for turn in range(ROUNDS * len(names)):
        name = names[(turn + turn // len(names)) % len(names)]  # each goes first once

        def note(op: str, value: float, name: str = name) -> None:
            figures[op][name].append(value)

        with folder() as base:
            path = base / "jobs.db"
            connect(path).executescript(schema())
            if name == "aiosqlite" and aiosqlite:
                asyncio.run(measure_aiosqlite(aiosqlite, path, note))
                continue
            conn = open_apsw(apsw, path) if name == "apsw" and apsw else connect(path)
            measure(conn, note)
            conn.close()
    for op, drivers in figures.items():
        report(op, drivers, "sqlite3")


if __name__ == "__main__":
    main()
