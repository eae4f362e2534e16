"""Runs Dutiful and its rivals side by side and writes the tables of ``docs/peers.md``.

    make bench-peers                                     all of it, about twelve minutes
    make bench-peers ARGS="--only pgqueuer,dutiful-postgres"
    make bench-peers ARGS="--quick --only huey,dutiful-sqlite"

A complete run replaces ``docs/peers.json``; any other only prints. Exit code 1 when a system failed,
lost a job or ran one twice, 2 for a wrong option.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import re
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psycopg
import venvs
from databases import Database, PostgresDatabase, SqliteDatabase
from processes import Broken
from roster import ROSTER, Entry, chosen
from stages import Bench, Sizes
from table import markdown

from dutiful.servers.postgres import LocalServer, local_server

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
FIGURES = DOCS / "peers.json"
QUICK = Sizes(seconds=0.6, jobs_max=3_000, pickups=20)

Row = dict[str, Any]

FAILURES = (Broken, subprocess.TimeoutExpired, psycopg.Error, sqlite3.Error)
FAILED_MAX = 2
"""After so many runs that failed a system is not tried again."""
_PLACE = re.compile(r"\w+://\S+|(?<![\w.])/[\w.-]+/\S+")


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="bench-peers", description=__doc__.partition("\n")[0])
    parser.add_argument("--only", metavar="A,B", help="measure these systems alone")
    parser.add_argument("--quick", action="store_true", help="one short run; shows that it works")
    parser.add_argument("--runs", type=int, default=3, help="runs of each system (3)")
    parser.add_argument(
        "--seconds",
        type=float,
        default=3.0,
        help="how long one worker should take for a backlog (3)",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures here")
    parser.add_argument(
        "--python", metavar="PATH", help="the interpreter for who needs a newer one"
    )
    parser.add_argument("--lock", action="store_true", help="write the hashed requirements anew")
    given = parser.parse_args()
    if given.runs < 1 or given.seconds <= 0:
        parser.error("--runs and --seconds must be greater than zero")
    try:
        given.entries = chosen(given.only)
    except ValueError as error:
        parser.error(str(error))
    return given


def main() -> int:
    """Measure, print and keep."""
    given = arguments()
    if given.lock:
        venvs.lock()
        return 0
    sizes = QUICK if given.quick else Sizes(seconds=given.seconds)
    runs = 1 if given.quick else given.runs
    # An ordinary exit, so that workers, server and files are cleared away.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    started = time.monotonic()
    rows, server = measured(given.entries, sizes, runs, given.python)
    figures = {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "machine": machine(),
        "server": server,
        "runs": runs,
        "sizes": {"seconds": sizes.seconds, "pickups": sizes.pickups},
        "systems": rows,
    }
    say(f"all of it took {time.monotonic() - started:.0f} s")
    print(markdown(figures))
    if given.json:
        given.json.write_text(spelled(figures), encoding="utf-8")
    if len(given.entries) == len(ROSTER) and not given.quick:
        FIGURES.write_text(spelled(figures), encoding="utf-8")
        subprocess.run([sys.executable, str(DOCS / "generate.py")], check=True)
    return 1 if any(faulty(row) for row in rows) else 0


def measured(
    entries: list[Entry], sizes: Sizes, runs: int, python: str | None
) -> tuple[list[Row], str]:
    """Measure the systems in turns, so that a noisy minute falls on all of them alike."""
    rows = {entry.name: row_of(entry) for entry in entries}
    benches: dict[str, Bench] = {}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="dutiful-peers-")))
        server, told = None, "SQLite alone"
        if any(entry.store == "postgresql" for entry in entries):
            server = stack.enter_context(local_server(folder))
            told = "PostgreSQL " + server.tool("postgres", "--version").split()[-1]
        for entry in entries:
            row = rows[entry.name]
            try:
                interpreter = venvs.python_of(entry, python)
                bench = Bench(entry, interpreter, place_of(entry, server, folder), folder)
                stack.callback(bench.close)
                row.update(bench.prepare(sizes))
                benches[entry.name] = bench
                say(f"{entry.name}: backlogs of {bench.jobs:,} jobs")
            except (*FAILURES, venvs.Unavailable) as error:
                give_up(row, f"{error}", missing=isinstance(error, venvs.Unavailable))
        for number in range(runs):
            for name, bench in benches.items():
                if len(rows[name]["failed"]) < FAILED_MAX:
                    once(bench, rows[name], sizes, number)
    for row in rows.values():
        if row["failed"] and not row["runs"]:
            give_up(row, row["failed"][0], missing=False)
    return list(rows.values()), told


def once(bench: Bench, row: Row, sizes: Sizes, number: int) -> None:
    """Measure one system once more; what fails is told, and only that run has no figures."""
    started = time.monotonic()
    try:
        run = bench.run(sizes)
    except FAILURES as error:
        say(f"{row['name']}: run {number + 1} failed: {error}")
        row["failed"].append(in_a_line(f"run {number + 1} failed: {error}"))
        return
    row["runs"].append(run)
    took = time.monotonic() - started
    say(
        f"{row['name']}: run {number + 1}, {run['consume']['per_s']:,.0f}/s by one worker, "
        f"{run['consume_two']['per_s']:,.0f}/s by two; took {took:.0f} s"
    )


def give_up(row: Row, why: str, *, missing: bool) -> None:
    """Note why a system has no figures."""
    say(f"{row['name']}: {why}")
    row["why"] = in_a_line(why)
    row["missing"] = missing


def in_a_line(why: str) -> str:
    """Return a reason in one line that can stand in a table and names no place of this machine."""
    return _PLACE.sub("...", " ".join(why.split())).replace("|", "/")[:300]


def row_of(entry: Entry) -> Row:
    """Begin the row of a system."""
    return {
        "name": entry.name,
        "title": entry.title,
        "store": entry.store,
        "ours": entry.ours,
        "version": venvs.version_of(entry),
        "settings": entry.settings,
        "runs": [],
        "failed": [],
    }


def place_of(entry: Entry, server: LocalServer | None, folder: Path) -> Database:
    """Return where a system keeps its jobs."""
    if entry.store == "sqlite":
        return SqliteDatabase(entry.name, folder)
    assert server is not None
    return PostgresDatabase(entry.name, server)


def faulty(row: Row) -> bool:
    """Whether a system failed, or lost or repeated jobs; one that cannot be installed here has done neither."""
    if "why" in row:
        return not row["missing"]
    if row["failed"]:
        return True
    stages = [run[stage] for run in row["runs"] for stage in ("consume", "consume_two")]
    return any(stage[fault] for stage in stages for fault in ("lost", "repeated", "left"))


def machine() -> dict[str, Any]:
    """Describe this machine."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return {
        "cpu": models[0] if models else platform.machine(),
        "cores": os.cpu_count(),
        "memory_gib": round(pages / 2**30),
        "system": f"{platform.system()} {'.'.join(platform.release().split('.')[:2])}",
    }


def spelled(figures: dict[str, Any]) -> str:
    """Write the figures as JSON, one run a line."""
    text = json.dumps({**figures, "systems": []}, indent=1)
    blocks = []
    for row in figures["systems"]:
        head = json.dumps({**row, "runs": []})
        runs = ",\n   ".join(json.dumps(run) for run in row["runs"])
        blocks.append(
            head.replace('"runs": []', f'"runs": [\n   {runs}]' if runs else '"runs": []')
        )
    return text.replace('"systems": []', '"systems": [\n  ' + ",\n  ".join(blocks) + "]") + "\n"


def say(line: str) -> None:
    """Report progress where it does not mix with the tables."""
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
