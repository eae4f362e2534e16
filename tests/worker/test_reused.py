"""A child process runs one job after the other, and none of them meets what another left there."""

from __future__ import annotations

import asyncio
import socket
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from dutiful import App
from tests.worker import reused as cpu
from tests.worker.support import burst, serving, stored


async def test_threads_of_a_task_take_steps(reused: App) -> None:
    handle = await cpu.fan.aenqueue()
    await burst(reused)
    assert await handle.aresult(timeout=1) == sum(range(40))
    assert (await stored(reused, handle.id)).steps == 40


async def test_threads_of_a_task_share_its_transaction(reused: App, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "jobs.db")) as connection:
        connection.execute("create table ledger (name text)")
    handle = await cpu.write_from_threads.aenqueue(["a", "b", "c"])
    await burst(reused)
    assert await handle.aresult(timeout=1) == 1
    with closing(sqlite3.connect(tmp_path / "jobs.db")) as connection:
        assert connection.execute("select count(*) from ledger").fetchone() == (3,)


@pytest.mark.parametrize("what", ["step", "transaction"])
async def test_a_thread_that_was_left_asks_in_vain(reused: App, what: str) -> None:
    left = await cpu.leave_one_that_asks_later.aenqueue(what)
    met = await cpu.meet_what_was_left.aenqueue()
    await burst(reused, concurrency=1)
    pid = await left.aresult(timeout=1)
    assert await met.aresult(timeout=1) == (pid, ["ClaimLost"], "12")


@pytest.mark.slow
async def test_the_next_job_is_not_given_the_answer_that_a_thread_waits_for(reused: App) -> None:
    pairs = [
        (await cpu.leave_one_that_asks_now.aenqueue(), await cpu.meet_what_was_left.aenqueue())
        for _ in range(5)
    ]
    await burst(reused, concurrency=1)
    for left, met in pairs:
        pid = await left.aresult(timeout=1)
        assert await met.aresult(timeout=1) == (pid, ["ClaimLost"], "12")


@pytest.fixture(params=["worker", "child"])
def _timeout(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """Give new sockets a timeout, in the worker's process or in its children."""
    before = socket.getdefaulttimeout()
    if request.param == "worker":
        socket.setdefaulttimeout(0.05)
    else:
        (tmp_path / "sitecustomize.py").write_text("import socket; socket.setdefaulttimeout(0.05)")
        monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=":")
    yield
    socket.setdefaulttimeout(before)


@pytest.mark.slow
@pytest.mark.usefixtures("_timeout")
async def test_a_child_outlives_a_default_timeout(reused: App) -> None:
    pids: list[int] = []
    async with serving(reused, concurrency=1):
        for _ in range(2):
            pids.append(await (await cpu.who.aenqueue()).aresult(timeout=60))
            await asyncio.sleep(0.5)
    assert pids[0] == pids[1]
