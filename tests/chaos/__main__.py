"""``python -m tests.chaos --jobs 100000``: the long runs, and a table of what they came to.

``--only kills,freeze`` runs some; exit code 1 when a promise was broken.
"""

from __future__ import annotations

import argparse
import os
import platform
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol, TypeVar

import psycopg

from dutiful.servers.postgres import LocalServer, local_server
from tests.chaos import (
    clocks,
    clockwork,
    crowd,
    deploys,
    disk,
    freezes,
    kills,
    releases,
    shortages,
    standbys,
    watching,
)
from tests.chaos.verdict import Verdict


class Report(Protocol):
    """What most runs give back."""

    verdict: Verdict

    def table(self) -> dict[str, str]: ...


Outcome = Verdict | Report | watching.Watched | standbys.Behind | clockwork.Timetable
Run = Callable[[Path], Outcome]


_DEPLOYS = [*(1, 2, 3, 0) * 5, 3]
"""Twenty deploys, five of them rollbacks, and one more for the jobs that only the newest knows."""


def runs(jobs: int, seconds: float, rate: float, rounds: int) -> dict[str, Run]:
    """Name the runs."""
    return {
        "kills": lambda folder: kills.storm(folder, jobs),
        "peers": kills.beside_peers,
        "supervised": lambda folder: kills.supervised(folder, 1500, 5),
        "freeze": lambda folder: freezes.frozen(folder, 1500, lease=10),
        "blocked": lambda folder: freezes.blocked(folder, lease=10),
        "rolling": lambda folder: deploys.rolling(folder, 1500),
        "releases": lambda folder: releases.releases(folder, _DEPLOYS, rate=rate, calm_seconds=60),
        "postgres-releases": lambda folder: on_server(
            lambda server: released(folder, server, rate)
        ),
        "watchers": lambda folder: on_server(
            lambda server: watching.watching(folder, server, rounds)
        ),
        "quota": lambda folder: disk.limited(folder, 12),
        "disk": lambda folder: disk.mounted(folder, 12),
        "crowd": lambda folder: crowd.crowd(folder, seconds),
        "clockwork": lambda folder: clockwork.clockwork(folder, seconds * 0.6),
        "clockwork-postgres": lambda folder: on_server(
            lambda server: clockwork.clockwork(
                folder,
                seconds * 0.6,
                url=server.url(),
                restart=lambda: server.restart("immediate"),
            )
        ),
        "postgres-tables-full": lambda folder: on_server(
            lambda server: shortages.tables_full(folder, server, 12)
        ),
        "postgres-log-full": lambda folder: on_server(
            lambda server: shortages.log_full(folder, server, 5000, 3)
        ),
        "postgres-connections": lambda folder: on_server(
            lambda server: shortages.crowded_out(folder, server, 5000, 5, 2)
        ),
        "postgres-freeze": lambda folder: on_server(
            lambda server: freezes.frozen(folder, 1500, lease=10, url=server.url())
        ),
        "postgres-clocks": lambda folder: on_server(
            lambda server: clocks.skewed(folder, server.url(), 5000)
        ),
        "postgres-standby": lambda folder: on_server(lambda server: lagging(folder, server, 5000)),
    }


T = TypeVar("T")


def on_server(run: Callable[[LocalServer], T], **settings: str) -> T:
    """Run on a PostgreSQL server of the run's own."""
    with local_server(Path(tempfile.gettempdir())) as server:
        if settings:
            server.settings |= settings
            server.restart()
        return run(server)


def released(folder: Path, server: LocalServer, rate: float) -> releases.Released:
    """Deploy on a database, after a calm run on another."""
    with psycopg.connect(server.url(), autocommit=True) as connection:
        connection.execute("create database calm")
    return releases.releases(
        folder,
        _DEPLOYS,
        rate=rate,
        url=server.url(),
        calm_seconds=60,
        calm_url=server.url("calm"),
    )


def lagging(folder: Path, primary: LocalServer, jobs: int) -> standbys.Behind:
    """Promote an asynchronous standby."""
    standby = primary.standby(primary.folder / "standby")
    try:
        return standbys.behind(folder, primary, standby, jobs)
    finally:
        standby.stop("immediate")


def faults(outcome: Outcome) -> dict[str, object]:
    """Return the broken promises of a run, which may have more to excuse than its verdict."""
    own = (
        Verdict
        | freezes.Thawed
        | disk.Filled
        | clocks.Skewed
        | clockwork.Timetable
        | releases.Released
        | watching.Watched
    )
    if isinstance(outcome, own):
        return outcome.faults()
    if isinstance(outcome, standbys.Behind):
        return outcome.wrong
    return outcome.verdict.faults()


def main() -> int:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos")
    parser.add_argument("--jobs", type=int, default=100_000, help="jobs of the run with kills")
    parser.add_argument("--seconds", type=float, default=300, help="length of the crowded run")
    parser.add_argument("--only", default="", help="names of runs, with commas")
    parser.add_argument("--rate", type=float, default=500, help="jobs a second of the deploys")
    parser.add_argument("--rounds", type=int, default=5, help="rounds of each fault of watchers")
    given = parser.parse_args()
    named = runs(given.jobs, given.seconds, given.rate, given.rounds)
    wanted = given.only.split(",") if given.only else [*named]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    print(
        f"{platform.platform()}, {os.cpu_count()} processors, {memory:.0f} GiB, "
        f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}"
    )
    broken = False
    for name in wanted:
        began = time.monotonic()
        with tempfile.TemporaryDirectory() as folder:
            try:
                outcome = named[name](Path(folder))
            except PermissionError as error:
                print(f"\n{name}: left out: {error}")
                continue
        found = faults(outcome)
        broken |= bool(found)
        print(f"\n{name}: {'BROKEN' if found else 'held'}, {time.monotonic() - began:.0f} s")
        for row, value in outcome.table().items():
            print(f"  {row:<48} {value}")
        for row, what in found.items():
            print(f"  BROKEN {row}: {what}")
        sys.stdout.flush()
    return int(broken)


if __name__ == "__main__":
    sys.exit(main())
