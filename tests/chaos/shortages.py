"""What a PostgreSQL server can run out of: room for its tables, for its log, connections."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

import psycopg

from dutiful.servers.postgres import LocalServer
from tests.chaos.disk import Filled, fill_up, small_disk, stuff
from tests.chaos.outages import Outage, strikes
from tests.chaos.processes import processes
from tests.until import wait_until

_MEBIBYTE = 2**20
_THEIRS = """
select count(pg_terminate_backend(pid)) from pg_stat_activity where application_name = 'dutiful'
"""


@contextmanager
def cramped(server: LocalServer, part: str, size: int) -> Iterator[Path]:
    """Give a part of a server's data a small file system of its own; only root can."""
    server.stop()
    place = server.data / part
    owner, mode = place.stat(), place.stat().st_mode & 0o7777
    before = place.rename(server.data.parent / f"{part}-before")
    with small_disk(place, size) as disk:
        shutil.copytree(before, disk, dirs_exist_ok=True)
        subprocess.run(("chown", "-R", f"{owner.st_uid}:{owner.st_gid}", str(disk)), check=True)
        disk.chmod(mode)
        server.start()
        try:
            yield disk
        finally:
            server.stop("immediate")


def tables_full(folder: Path, server: LocalServer, seconds: float) -> Filled:
    """Fill the file system under the tables; the server goes on and refuses."""
    with (
        cramped(server, "base", 96 * _MEBIBYTE) as disk,
        processes(folder, "-c", "8", url=server.url()) as made,
    ):
        ballast = disk / "ballast"
        return fill_up(made, seconds, partial(stuff, ballast), ballast.unlink)


def log_full(folder: Path, server: LocalServer, jobs: int, seconds: float) -> Outage:
    """Fill the file system under the write-ahead log, of which the server dies by itself.

    It is away for some seconds more than are given; past a lease jobs may rightly run again.
    """
    server.settings["restart_after_crash"] = "off"
    with cramped(server, "pg_wal", 64 * _MEBIBYTE) as disk:
        ballast = disk / "ballast"

        def strike() -> None:
            stuff(ballast)
            wait_until(partial(_panicked, server), 30, "the server has died")
            assert "PANIC" in server.log.read_text()
            time.sleep(seconds)
            ballast.unlink()
            server.restart("immediate")

        return strikes(folder, server.url(), jobs, 1, strike, 0.5)


def _panicked(server: LocalServer) -> bool:
    """Go on to the next part of the log, for which there is no room; True once that was fatal."""
    try:
        with psycopg.connect(server.url(), autocommit=True) as connection:
            connection.execute("select pg_switch_wal()")
    except psycopg.OperationalError:
        return not (server.data / "postmaster.pid").exists()
    return False


def crowded_out(folder: Path, server: LocalServer, jobs: int, times: int, seconds: float) -> Outage:
    """Let others take every connection that the server has, those of the workers, too.

    The seconds count from when a worker has said so: a busy machine takes long over all of it.
    """

    def strike() -> None:
        seen = _said(folder)
        with ExitStack() as taken:
            first = wait_until(partial(_connected, server), 30, "a connection is free")
            taken.enter_context(first)

            def crowd() -> bool:
                while (one := _connected(server)) is not None:
                    taken.enter_context(one)
                first.execute(_THEIRS)
                return _said(folder) > seen

            wait_until(crowd, 30, "a worker says that there is no connection")
            end = time.monotonic() + seconds
            while time.monotonic() < end:
                crowd()

    return strikes(folder, server.url(), jobs, times, strike, 0.5)


def _said(folder: Path) -> int:
    logs = (log.read_text(errors="replace") for log in folder.glob("*.log"))
    return sum(log.count("the store cannot be used") for log in logs)


def strained(folder: Path, server: LocalServer, jobs: int) -> Outage:
    """Give each worker one connection for its work and one for the transactions of 16 tasks."""
    url = f"{server.url()}?connections=1"
    return strikes(folder, url, jobs, 0, lambda: None, 0, asks=server.url())


def _connected(server: LocalServer) -> psycopg.Connection[tuple[object, ...]] | None:
    try:
        return psycopg.connect(server.url(), autocommit=True)
    except psycopg.OperationalError:
        time.sleep(0.02)
        return None
