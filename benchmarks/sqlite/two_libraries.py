"""Show what two copies of the SQLite library in one process do to one file.

    python benchmarks/sqlite/two_libraries.py

apsw carries its own SQLite. A user's stdlib `sqlite3` connection in the same process is a second copy; POSIX
locks belong to the process, so neither copy sees the other's, and closing either's file drops both's.
Each case runs once with the same library twice (the control) and once with both.
"""

from __future__ import annotations

import importlib
import multiprocessing
import sqlite3
import sys
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from common import connect, folder

Opener = Callable[[Path], Any]


def outsider(path: Path, pipe: Connection) -> None:
    """A second process: try to write at once, commit when told, then say what it reads."""
    conn = sqlite3.connect(path, isolation_level=None, timeout=0)
    try:
        conn.execute("BEGIN IMMEDIATE")
        conn.executemany("INSERT INTO job(who) VALUES (?)", [("outsider",)] * 2000)
        conn.execute("COMMIT")
        pipe.send("wrote at the same time")
    except sqlite3.OperationalError as error:
        pipe.send(str(error))


def elsewhere(path: Path) -> str:
    """What `outsider` reports, from a process that shares nothing with this one."""
    ours, theirs = multiprocessing.get_context("spawn").Pipe()
    process = multiprocessing.get_context("spawn").Process(target=outsider, args=(path, theirs))
    process.start()
    said: str = ours.recv()
    process.join()
    return said


def fresh(base: Path, name: str) -> Path:
    """A new file with 1,000 rows."""
    path = base / name
    conn = connect(path)
    conn.execute("CREATE TABLE job(seq INTEGER PRIMARY KEY, who TEXT)")
    conn.execute("CREATE INDEX job_who ON job(who)")
    conn.executemany("INSERT INTO job(who) VALUES (?)", [("before",)] * 1000)
    conn.close()
    return path


def verdict(path: Path) -> str:
    """Rows by writer and the integrity check, read by a fresh process-like connection."""
    conn = sqlite3.connect(path)
    try:
        counted = dict(
            conn.execute("SELECT who, count(*) FROM job NOT INDEXED GROUP BY who").fetchall()
        )
        check = conn.execute("PRAGMA integrity_check(1)").fetchone()[0].splitlines()[-1]
        return f"rows {counted}, integrity_check: {check}"
    except sqlite3.DatabaseError as error:
        return f"unreadable: {error}"
    finally:
        conn.close()


def lock_lost(path: Path, second: Opener) -> None:
    """Hold a write transaction; let a second connection open, read and close; ask whether outsiders are kept out."""
    holder = connect(path)
    holder.execute("BEGIN IMMEDIATE")
    holder.executemany("INSERT INTO job(who) VALUES (?)", [("holder",)] * 2000)
    other = second(path)
    other.execute("SELECT count(*) FROM job").fetchall()
    other.close()
    print("    an outsider's BEGIN IMMEDIATE while we hold the write lock:", elsewhere(path))
    try:
        holder.execute("COMMIT")
        print("    the holder's COMMIT: acknowledged")
    except sqlite3.Error as error:
        print("    the holder's COMMIT:", error)
    holder.close()
    print("    afterwards:", verdict(path))


def commits_lost(path: Path, second: Opener) -> None:
    """Keep a connection open; let a second one write and close; commit 10 jobs through the first; count them."""
    holder = connect(path)
    holder.execute("SELECT count(*) FROM job").fetchall()
    other = second(path)
    other.execute("INSERT INTO job(who) VALUES ('second')")
    other.close()
    left = "there" if Path(f"{path}-wal").exists() else "DELETED under the open one"
    print("    the -wal file after the second connection closed:", left)
    for _ in range(10):
        holder.execute("INSERT INTO job(who) VALUES ('holder')")
    print("    10 commits acknowledged; another process:", elsewhere(path))
    holder.close()
    print("    afterwards:", verdict(path))


def main() -> None:
    """Both cases, each with one library and with two."""
    try:
        apsw = importlib.import_module("apsw")
    except ImportError:
        sys.exit("apsw is not installed: nothing to show (pip install apsw)")
    print(f"stdlib SQLite {sqlite3.sqlite_version}, apsw's own {apsw.sqlite_lib_version()}")
    with folder() as base:
        for number, (title, case) in enumerate(
            {"the write lock": lock_lost, "committed rows": commits_lost}.items()
        ):
            print(f"\n{title}")
            print("  one library (control)")
            case(fresh(base, f"{number}-one.db"), connect)
            print("  two libraries")
            case(fresh(base, f"{number}-two.db"), lambda path: apsw.Connection(str(path)))


if __name__ == "__main__":
    main()
