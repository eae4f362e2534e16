"""A worker that starts while its store is away waits for it; one that can never use it ends."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from dutiful import App, StoreUnusable
from dutiful.core.errors import BadConfiguration
from dutiful.engines.postgres import PostgresEngine
from dutiful.servers.postgres import LocalServer, local_server
from tests.servers.postgres import programs
from tests.until import wait_until

SHOP = """
from dutiful import App, StoreUnusable

app = App()


@app.task
def charge(order_id: int) -> int:
    return order_id
"""
TROUBLE = "the store cannot be used, trying again"


class Started:
    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self.process = process
        self._log = log

    def output(self) -> str:
        return self._log.read_text(errors="replace")

    def stop(self) -> float:
        """Ask the process to end, and return the seconds that it took."""
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(60) == 0, self.output()
        return time.monotonic() - began


@contextmanager
def worker(folder: Path, url: str, *options: str) -> Iterator[Started]:
    (folder / "shop.py").write_text(SHOP)
    log = folder / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "dutiful", "worker", "shop:app", *options],
            cwd=folder,
            env={**os.environ, "DUTIFUL_URL": url},
            stdout=output,
            stderr=output,
        )
    try:
        yield Started(process, log)
    finally:
        process.kill()
        process.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def told(started: Started) -> bool:
    return TROUBLE in started.output()


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    """A server that may be stopped, and that asks one role for its password."""
    with local_server(Path(tempfile.gettempdir()), programs=programs()) as server:
        with psycopg.connect(server.url(), autocommit=True) as connection:
            connection.execute("create role clerk login password 'right'")
            connection.execute("create role guest login")
        server.stop()
        rules = server.data / "pg_hba.conf"
        rules.write_text(f"host all clerk all scram-sha-256\n{rules.read_text()}")
        server.start()
        yield server


@pytest.mark.slow
async def test_a_worker_that_starts_before_its_server_serves_as_soon_as_it_is_there(
    tmp_path: Path, server: LocalServer
) -> None:
    app = App(server.url())

    @app.task
    def charge(order_id: int) -> int:
        return order_id

    server.stop()
    try:
        with worker(tmp_path, server.url()) as started:
            wait_until(lambda: told(started), 20, "the worker tells")
            # Long enough for several tries, each of which a careless worker would tell of.
            await asyncio.sleep(2)
            server.start()
            handle = await charge.aenqueue(7)
            assert await handle.aresult(timeout=60) == 7
            assert "can be used again" in started.output()
            assert started.output().count(TROUBLE) == 1
            assert started.stop() < 5
    finally:
        await app.close()
        server.stop()
        server.start()


@pytest.mark.parametrize("processes", [1, 2])
def test_a_worker_that_waits_for_its_server_ends_when_asked(tmp_path: Path, processes: int) -> None:
    url = f"postgresql://postgres@127.0.0.1:{free_port()}/postgres"
    with worker(tmp_path, url, "-p", str(processes)) as started:
        wait_until(lambda: started.output().count(TROUBLE) == processes, 20, "the workers tell")
        assert started.stop() < 4
        assert started.output().count(TROUBLE) == processes


def test_a_worker_whose_connecting_hangs_ends_when_asked(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"postgresql://postgres@127.0.0.1:{silent.getsockname()[1]}/postgres"
        with worker(tmp_path, url) as started:
            connected, _ = silent.accept()
            assert started.stop() < 4
            connected.close()


def fatal(folder: Path, url: str, said: str) -> None:
    began = time.monotonic()
    with worker(folder, url) as started:
        assert started.process.wait(60) == 3, started.output()
        assert said in started.output()
        assert "hunter2" not in started.output()
    assert time.monotonic() - began < 40


def test_a_missing_database_ends_the_worker(tmp_path: Path, server: LocalServer) -> None:
    fatal(tmp_path, server.url("nowhere"), "there is no such database")


def test_a_wrong_password_ends_the_worker(tmp_path: Path, server: LocalServer) -> None:
    url = server.url().replace("postgres@", "clerk:hunter2@")
    fatal(tmp_path, url, "the password is wrong")


def test_missing_rights_end_the_worker(tmp_path: Path, server: LocalServer) -> None:
    fatal(tmp_path, server.url().replace("postgres@", "guest@"), "lacks a right")


def test_no_right_to_connect_ends_the_worker(tmp_path: Path, server: LocalServer) -> None:
    with psycopg.connect(server.url(), autocommit=True) as connection:
        connection.execute("create database closed")
        connection.execute("revoke connect on database closed from public")
    fatal(tmp_path, server.url("closed").replace("postgres@", "guest@"), "lacks a right")


def test_a_required_encryption_that_is_missing_ends_the_worker(
    tmp_path: Path, server: LocalServer
) -> None:
    fatal(tmp_path, server.url(sslmode="require"), "sslmode=")


def test_a_url_that_libpq_cannot_read_is_refused_at_once() -> None:
    with pytest.raises(BadConfiguration, match="sslmod"):
        PostgresEngine("postgresql://me:hunter2@127.0.0.1/jobs?sslmod=require")


@pytest.mark.parametrize("query", ["connect_timeout=soon", "sslmode=perhaps"])
async def test_a_setting_without_sense_is_told(query: str) -> None:
    engine = PostgresEngine(f"postgresql://127.0.0.1:1/jobs?{query}")
    with pytest.raises(StoreUnusable, match="correct the URL"):
        await engine.open()
