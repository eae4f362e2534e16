"""A worker process that hangs ends to be restarted, and one that only seems to hang goes on."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from dutiful import App
from tests.until import until
from tests.worker import hanging
from tests.worker.support import ended, marks, output, process, stored

pytestmark = pytest.mark.slow

WORKER = ("dutiful", "worker", "tests.worker.hanging:app", "-c", "4")
HASTY = {"DUTIFUL_HUNG_AFTER": "4s"}
HUNG = 79
LONG = 600.0
"""Seconds for which a job would block a loop that nothing ends."""


@pytest.fixture
async def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[App]:
    monkeypatch.setenv("MARKS", str(tmp_path / "marks"))
    hanging.app.at(f"sqlite:///{tmp_path}/jobs.db")
    async with hanging.app:
        yield hanging.app


def pid_of(path: Path, what: str) -> int:
    """Return the process that said ``what`` first; 0 before that."""
    said = [line.split()[1] for line in marks(path) if line.startswith(what)]
    return int(said[0]) if said else 0


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return "Z" in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


async def test_a_worker_whose_loop_is_blocked_ends_and_names_the_job(
    app: App, tmp_path: Path
) -> None:
    job = await hanging.block.aenqueue(LONG)
    with process(*WORKER, path=tmp_path, env=HASTY) as worker:
        assert worker.wait(60) == HUNG
    said = output(tmp_path)
    assert f"blocked by job {job.id} (block), at {hanging.__file__}:" in said
    assert said.count("is hung") == 1
    assert "the stack of the loop's thread" in said
    (record,) = await app.workers.alist()
    assert record.state == "hung"
    assert record.report is not None
    assert "blocked by job" in record.report.reason
    with process(*WORKER, "--burst", path=tmp_path) as worker:
        assert worker.wait(60) == 0
    found = await stored(app, job.id)
    assert (found.state.word, found.attempt, found.crashes) == ("succeeded", 2, 1)
    assert output(tmp_path).count("is hung") == 2  # the second worker has read the report


async def test_a_supervisor_starts_another_in_its_place(app: App, tmp_path: Path) -> None:
    job = await hanging.block.aenqueue(LONG)
    child = await hanging.in_child.aenqueue(LONG)
    line = (*WORKER, "--jobs-max", "1000")  # for which a supervisor is needed
    with process(*line, path=tmp_path, env=HASTY) as supervisor:
        assert (await ended(app, job.id)).state.word == "succeeded"
        await until(lambda: pid_of(tmp_path, "child") == 0 or gone(pid_of(tmp_path, "child")))
        assert (await ended(app, child.id)).state.word == "succeeded"
        assert "ended with exit code 79; starting another" in output(tmp_path)
        supervisor.send_signal(signal.SIGTERM)
        assert supervisor.wait(60) == 0


async def test_long_work_elsewhere_and_a_short_block_are_no_hang(app: App, tmp_path: Path) -> None:
    jobs = [await hanging.in_thread.aenqueue(9), await hanging.block.aenqueue(2)]
    with process(*WORKER, "--burst", path=tmp_path, env={"DUTIFUL_HUNG_AFTER": "8s"}) as worker:
        assert worker.wait(60) == 0
    assert [(await stored(app, job.id)).attempt for job in jobs] == [1, 1]
    assert "is hung" not in output(tmp_path)


async def test_a_worker_that_was_frozen_for_longer_than_the_limit_is_not_hung(
    app: App, tmp_path: Path
) -> None:
    env = {**HASTY, "DUTIFUL_LEASE": "3s", "DUTIFUL_HEARTBEAT": "500ms"}
    with process(*WORKER, path=tmp_path, env=env) as worker:
        await until(lambda: " serves " in output(tmp_path))
        worker.send_signal(signal.SIGSTOP)
        await asyncio.sleep(6)  # the worker is frozen, and nothing else happens
        worker.send_signal(signal.SIGCONT)
        job = await hanging.block.aenqueue(0)
        assert (await ended(app, job.id)).state.word == "succeeded"
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(60) == 0
    assert "is hung" not in output(tmp_path)


@pytest.fixture
def manager() -> Iterator[tuple[socket.socket, dict[str, str]]]:
    """A service manager that wants to be pinged every second; yields its socket and variables."""
    with (
        tempfile.TemporaryDirectory() as folder,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server,
    ):
        server.bind(f"{folder}/notify")
        server.settimeout(60)
        yield server, {"NOTIFY_SOCKET": f"{folder}/notify", "WATCHDOG_USEC": "1000000"}


def hear(server: socket.socket, word: str) -> list[str]:
    """Return all that is said until a message begins with ``word``."""
    heard: list[str] = []
    while not heard or not heard[-1].startswith(word):
        heard.append(server.recv(4096).decode())
    return heard


async def test_a_service_manager_hears_of_start_life_and_end(
    app: App, tmp_path: Path, manager: tuple[socket.socket, dict[str, str]]
) -> None:
    server, env = manager
    with process(*WORKER, path=tmp_path, env=env) as worker:
        assert "READY=1\nSTATUS=serving default" in hear(server, "READY=1")
        hear(server, "WATCHDOG=1")
        worker.send_signal(signal.SIGTERM)
        hear(server, "STOPPING=1")
        assert worker.wait(60) == 0


async def test_a_service_manager_is_not_pinged_by_a_worker_that_hangs(
    app: App, tmp_path: Path, manager: tuple[socket.socket, dict[str, str]]
) -> None:
    server, env = manager
    with process(*WORKER, path=tmp_path, env={**env, **HASTY}) as worker:
        hear(server, "WATCHDOG=1")
        await hanging.block.aenqueue(LONG)
        hear(server, "STATUS=hung")
        assert worker.wait(60) == HUNG
    server.setblocking(False)
    with pytest.raises(BlockingIOError):
        hear(server, "WATCHDOG=1")


async def test_a_supervisor_speaks_for_its_workers(
    app: App, tmp_path: Path, manager: tuple[socket.socket, dict[str, str]]
) -> None:
    server, env = manager
    with process(*WORKER, "-p", "2", path=tmp_path, env=env) as supervisor:
        assert hear(server, "READY=1")[-1].startswith("READY=1\nSTATUS=worker process ")
        hear(server, "WATCHDOG=1")
        supervisor.send_signal(signal.SIGTERM)
        hear(server, "STOPPING=1")
        assert supervisor.wait(60) == 0


async def test_a_supervisor_does_not_replace_what_an_order_has_drained(
    app: App, tmp_path: Path
) -> None:
    with process(*WORKER, "-p", "2", path=tmp_path) as supervisor:
        await until(lambda: output(tmp_path).count(" serves ") == 2)
        first, second = await app.workers.alist()
        await app.workers.adrain(first.id, wait=60)
        await until(lambda: "is not replaced" in output(tmp_path))
        assert [worker.id for worker in await app.workers.alist()] == [second.id]
        await app.workers.adrain(second.id)
        assert supervisor.wait(60) == 0
