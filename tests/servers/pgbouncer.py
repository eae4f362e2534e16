"""PgBouncer in front of a server, where the program is installed; `make peers` installs it."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from dutiful.cli.demo.postgres import LocalServer

_SETTINGS = """
[databases]
* = host=127.0.0.1 port={server} user=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = {mode}
max_client_conn = 500
default_pool_size = 20
server_login_retry = 1
"""


class Pooler:
    """A running PgBouncer."""

    def __init__(self, server: LocalServer, port: int) -> None:
        self._server = server
        self.port = port

    def through(self, url: str, **query: str) -> str:
        """Return the URL of the same store by way of the pooler."""
        plain, _, given = url.replace(f":{self._server.port}/", f":{self.port}/").partition("?")
        parts = [f"{name}={value}" for name, value in query.items()] + [given] * bool(given)
        return f"{plain}?{'&'.join(parts)}" if parts else plain


@contextmanager
def pooler(server: LocalServer, mode: str = "transaction") -> Iterator[Pooler]:
    """Run PgBouncer in a mode, or skip where there is none."""
    program = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None:
        pytest.skip("peer: no pgbouncer on this machine")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    settings = server.folder / f"pgbouncer-{port}.ini"
    settings.write_text(_SETTINGS.format(server=server.port, port=port, mode=mode))
    # It refuses to be root.
    user = ("-u", "nobody") if os.geteuid() == 0 else ()
    with settings.with_suffix(".log").open("wb") as log:
        process = subprocess.Popen([program, *user, str(settings)], stdout=log, stderr=log)
    try:
        _answers(port, process)
        yield Pooler(server, port)
    finally:
        process.kill()
        process.wait()


def _answers(port: int, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 10
    while time.monotonic() < end and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.01)
        else:
            return
    raise AssertionError("PgBouncer does not answer")


@pytest.fixture(scope="session")
def pgbouncer(postgres: LocalServer) -> Iterator[Pooler]:
    """PgBouncer in transaction mode before the shared server."""
    with pooler(postgres) as running:
        yield running
