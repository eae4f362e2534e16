"""What a PostgreSQL server can run out of: room for its tables, for its log, connections."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import psycopg

from dutiful.servers.postgres import LocalServer
from tests.chaos.disk import Filled, fill_up, small_disk, stuff
from tests.chaos.outages import TROUBLE, Outage, recovered, strikes
from tests.chaos.processes import processes, until

_MEBIBYTE = 2**20
_TENANT = "tenant"
_THEIRS = "select count(pg_terminate_backend(pid)) from pg_stat_activity where usename = %s"


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
            until(partial(_panicked, server), 30, "the server has died")
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
    """Leave the workers no connection for a while: their role may have none.

    The server answers as it does when it is full, and nobody races for a connection that comes
    free. The seconds count from when it has refused one and a worker has said so.
    """
    url = _tenant(server)

    def strike() -> None:
        # One that is without the store still from the time before would not say so again.
        until(lambda: recovered(_logs(folder)), 60, "all workers use the store")
        seen, refused = _said(folder), _refused(server)
        with psycopg.connect(server.url(), autocommit=True) as connection:

            def shut() -> bool:
                # Again and again: one that was starting may have been counted before.
                connection.execute(_THEIRS, (_TENANT,))
                return _said(folder) > seen and _refused(server) > refused

            connection.execute(f"alter role {_TENANT} connection limit 0".encode())
            until(shut, 60, "a worker says that there is no connection")
            end = time.monotonic() + seconds
            while time.monotonic() < end:
                shut()
                time.sleep(0.05)
            connection.execute(f"alter role {_TENANT} connection limit -1".encode())

    return strikes(folder, url, jobs, times, strike, 0.5)


def _tenant(server: LocalServer) -> str:
    """Return the URL of a database whose owner may do nothing else on the server."""
    with psycopg.connect(server.url(), autocommit=True) as connection:
        connection.execute(f"create role {_TENANT} login".encode())
        connection.execute(f"create database {_TENANT} owner {_TENANT}".encode())
    return server.url(_TENANT).replace("postgres@", f"{_TENANT}@")


def _said(folder: Path) -> int:
    return sum(log.count(TROUBLE) for log in _logs(folder))


def _logs(folder: Path) -> list[str]:
    return [log.read_text(errors="replace") for log in folder.glob("*.log")]


def _refused(server: LocalServer) -> int:
    return server.log.read_text(errors="replace").count("too many connections for role")


def strained(folder: Path, server: LocalServer, jobs: int) -> Outage:
    """Give each worker one connection for its work and one for the transactions of 16 tasks."""
    url = f"{server.url()}?connections=1"
    return strikes(folder, url, jobs, 0, lambda: None, 0, asks=server.url())
