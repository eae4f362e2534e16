"""What a service manager such as systemd hears, on a real socket."""

from __future__ import annotations

import os
import secrets
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from dutiful.core.event import WorkerDraining, WorkerHung, WorkerJoined, WorkerQuieted
from dutiful.worker.service_notifier import ServiceNotifier


@pytest.fixture
def address() -> Iterator[str]:
    """Name a socket's file; the folder of a test has too long a name for one."""
    with tempfile.TemporaryDirectory() as folder:
        yield f"{folder}/notify"


@contextmanager
def listening(address: str) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
        server.bind(address)
        server.settimeout(10)
        yield server


@pytest.mark.parametrize("abstract", [False, True])
def test_what_happens_to_a_worker_is_said_on_the_socket(address: str, abstract: bool) -> None:
    name = f"dutiful-{secrets.token_hex(8)}"
    shown, bound = (f"@{name}", f"\0{name}") if abstract else (address,) * 2
    with listening(bound) as server:
        manager = ServiceNotifier({"NOTIFY_SOCKET": shown})
        for event in (
            WorkerJoined("w1", ("mail", "default")),
            WorkerQuieted("w1"),
            WorkerHung("w1", "a\nline\nor two"),
            WorkerDraining("w1", 3),
        ):
            manager.heard(event)
        said = [server.recv(4096).decode() for _ in range(4)]
    assert said == [
        "READY=1\nSTATUS=serving mail, default",
        "STATUS=quiet: claims no jobs until it is resumed",
        "STATUS=hung: a line or two",
        "STOPPING=1\nSTATUS=draining: 3 jobs run",
    ]


def test_pings_are_sent_only_when_healthy_and_wanted(address: str) -> None:
    with listening(address) as server:
        environ = {"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "3000000"}
        manager = ServiceNotifier({**environ, "WATCHDOG_PID": str(os.getpid())})
        assert manager.every == 1.0
        manager.looked(healthy=False)
        manager.looked(healthy=True)
        assert server.recv(4096) == b"WATCHDOG=1"
        others = ServiceNotifier({**environ, "WATCHDOG_PID": "1"})
        assert others.every is None
        others.looked(healthy=True)
        others.status("end")
        assert server.recv(4096) == b"STATUS=end"


def test_no_process_that_is_started_later_speaks_for_this_one() -> None:
    environ = {"NOTIFY_SOCKET": "/x", "WATCHDOG_USEC": "1", "WATCHDOG_PID": "1", "HOME": "/"}
    ServiceNotifier(environ)
    assert environ == {"HOME": "/"}


def test_without_a_manager_or_with_one_that_is_gone_nothing_happens(tmp_path: Path) -> None:
    assert not ServiceNotifier({}).there
    ServiceNotifier({}).ready("up")
    gone = ServiceNotifier({"NOTIFY_SOCKET": str(tmp_path / "gone")})
    gone.ready("up")
    gone.looked(healthy=True)


def test_a_manager_that_does_not_read_holds_up_nothing(address: str) -> None:
    with listening(address):
        manager = ServiceNotifier({"NOTIFY_SOCKET": address})
        for number in range(10_000):
            manager.status(f"{number}")
