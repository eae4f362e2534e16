"""What a durable commit costs here, and whether synchronous=FULL in WAL mode really syncs every one.

    python benchmarks/sqlite/durability.py

The count comes from strace, when it is installed; it slows the run, so times are taken without it.
"""

from __future__ import annotations

import os
import re
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

from common import connect, folder, insert_sql, rows, schema

COMMITS, ROUNDS = 500, 3
LEVELS = ("FULL", "NORMAL", "OFF")


def commits(path: Path, synchronous: str) -> float:
    """Microseconds per commit of one row."""
    conn = connect(path, synchronous=synchronous)
    conn.executescript(schema("none"))
    row, insert = rows(1, "none")[0], insert_sql("none")
    begun = time.perf_counter()
    for _ in range(COMMITS):
        conn.execute(insert, row)
    spent = (time.perf_counter() - begun) / COMMITS * 1e6
    conn.close()
    return spent


def bare_fsync(path: Path) -> float:
    """Microseconds per write of 4 KiB and fdatasync, in a file that keeps its length."""
    block = os.urandom(4096)
    with path.open("w+b", buffering=0) as file:
        file.write(block * 64)
        os.fsync(file.fileno())
        begun = time.perf_counter()
        for at in range(COMMITS):
            os.pwrite(file.fileno(), block, at % 64 * 4096)
            os.fdatasync(file.fileno())
        return (time.perf_counter() - begun) / COMMITS * 1e6


def traced(path: Path, synchronous: str) -> str:
    """How many sync calls the same loop makes, by strace."""
    if not shutil.which("strace"):
        return "strace is not installed"
    log = path.with_suffix(".strace")
    call = f"import durability, pathlib; durability.commits(pathlib.Path({str(path)!r}), {synchronous!r})"
    subprocess.run(
        [
            "strace",
            "-f",
            "-e",
            "trace=fsync,fdatasync,sync_file_range",
            "-o",
            str(log),
            sys.executable,
            "-c",
            call,
        ],
        check=True,
        cwd=Path(__file__).parent,
    )
    return f"{len(re.findall('sync', log.read_text()))} syncs for {COMMITS} commits (with set-up and close)"


def main() -> None:
    """Times first, then counts."""
    times: dict[str, list[float]] = {}
    with folder() as base:
        for turn in range(ROUNDS):
            times.setdefault("write + fdatasync, no SQLite", []).append(
                bare_fsync(base / f"bare{turn}")
            )
            for level in LEVELS:
                times.setdefault(f"commit, synchronous={level}", []).append(
                    commits(base / f"{level}{turn}.db", level)
                )
        for name, runs in times.items():
            print(
                f"{name:<32}{statistics.median(runs):>10.1f} us   ({min(runs):.1f}..{max(runs):.1f})"
            )
        for level in LEVELS:
            print(f"synchronous={level}: {traced(base / f'traced-{level}.db', level)}")


if __name__ == "__main__":
    main()
