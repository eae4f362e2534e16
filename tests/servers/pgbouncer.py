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

from dutiful.servers.postgres import LocalServer

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
    """One PgBouncer on a port of its own."""

    def __init__(self, server: LocalServer, program: str, mode: str) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self._server = server
        self._settings = server.folder / f"pgbouncer-{self.port}.ini"
        self._settings.write_text(_SETTINGS.format(server=server.port, port=self.port, mode=mode))
        # It refuses to be root.
        user = ("-u", "nobody") if os.geteuid() == 0 else ()
        self._command = (program, *user, str(self._settings))
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start, and wait until it answers."""
        with self._settings.with_suffix(".log").open("ab") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=log)
        _answers(self.port, self._process)

    def kill(self) -> None:
        """Kill it, and its connections with it."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

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
    running = Pooler(server, program, mode)
    try:
        running.start()
        yield running
    finally:
        running.kill()


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
