"""Processes die under their jobs: attempts are spent, nothing is lost, the rest goes on."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest

from dutiful import App
from dutiful.core.event import JobsRescued
from dutiful.core.state import State
from tests.until import until
from tests.worker import jobs as cpu
from tests.worker.support import (
    Events,
    burst,
    ended,
    errors,
    marks,
    process,
    queues,
    serving,
    stored,
)

WORKER = ("dutiful", "worker", "tests.worker.jobs:app", "-c", "8")
ENDINGS = {
    "exit": "(exit code 7)",
    "kill": "(signal SIGKILL)",
    "fault": "(signal SIGSEGV)",
    "unnamed": "(signal 40)",
}
SHORT_LEASE = {"DUTIFUL_LEASE": "2s", "DUTIFUL_HEARTBEAT": "0.5s"}


@pytest.mark.parametrize("how", ENDINGS)
async def test_a_child_that_dies_spends_an_attempt(jobs: App, how: str) -> None:
    handle = await cpu.die.aenqueue(how, 1)
    await burst(jobs)
    job = await stored(jobs, handle.id)
    assert (job.state.word, job.attempt, job.crashes) == ("succeeded", 2, 1)
    (error,) = await errors(jobs, handle.id)
    assert error.type == "WorkerLost"
    assert ENDINGS[how] in error.message


async def test_the_third_crash_is_the_last(jobs: App) -> None:
    handle, other = await cpu.die.aenqueue("kill", 9), await cpu.add.aenqueue(1, 2)
    await burst(jobs)
    job = await stored(jobs, handle.id)
    assert (job.state.word, job.reason, job.crashes) == ("dead", "worker-lost", 3)
    assert await other.aresult(timeout=1) == 3


async def test_a_child_that_dies_at_rest_is_not_the_next_jobs_doing(jobs: App) -> None:
    async with serving(jobs, concurrency=1):
        first = await cpu.under_another_name.aenqueue()
        os.kill(await first.aresult(timeout=60), signal.SIGKILL)
        second = await cpu.under_another_name.aenqueue()
        await second.aresult(timeout=60)
        assert (await second.ajob()).crashes == 0


async def test_a_killed_workers_jobs_are_back_within_two_seconds(jobs: App, tmp_path: Path) -> None:
    events = Events(jobs)
    with process(*WORKER, path=tmp_path) as doomed:
        handles = [await cpu.rest.aenqueue(f"{n}", 60 if n < 8 else 0) for n in range(40)]
        await until(lambda: sum(line.startswith("start") for line in marks(tmp_path)) >= 8)
        async with serving(jobs, concurrency=8):
            await asyncio.sleep(0.5)  # a neighbour, long there when it happens
            doomed.send_signal(signal.SIGKILL)
            killed = time.monotonic()
            await until(lambda: events.of(JobsRescued))
            took = time.monotonic() - killed
            for handle in handles[8:]:
                await handle.aresult(timeout=60)
            for handle in handles[:8]:
                job = await stored(jobs, handle.id)
                assert not job.state.final
                assert job.crashes == 1
                await handle.acancel()
    assert took < 2
    assert sum(event.count for event in events.of(JobsRescued)) >= 8


async def test_three_workers_killed_under_a_job_end_it(jobs: App, tmp_path: Path) -> None:
    handle = await cpu.deaf.aenqueue("a")
    for count in (1, 2, 3):
        with process(*WORKER, path=tmp_path) as doomed:
            await until(lambda count=count: len(marks(tmp_path)) == count)
            doomed.send_signal(signal.SIGKILL)
            doomed.wait()
    async with serving(jobs):
        job = await ended(jobs, handle.id)
    assert (job.state, job.reason, job.crashes) == (State.DEAD, "worker-lost", 3)


async def test_a_worker_that_slept_past_its_lease_starts_anew(jobs: App, tmp_path: Path) -> None:
    with process(*WORKER, path=tmp_path, env=SHORT_LEASE) as sleeper:
        asleep = [await cpu.rest.aenqueue(f"long {n}", 3600) for n in range(8)]
        await until(lambda: len(marks(tmp_path)) == 8)
        sleeper.send_signal(signal.SIGSTOP)
        events = Events(jobs)
        async with serving(jobs, queues=queues("nobodys"), lease=jobs.settings.leases()):
            await until(lambda: sum(event.count for event in events.of(JobsRescued)) == 8)
            for handle in asleep:
                await handle.acancel()
            sleeper.send_signal(signal.SIGCONT)
            fresh = await cpu.rest.aenqueue("fresh", 0)
            await fresh.aresult(timeout=60)
    for handle in asleep:
        job = await stored(jobs, handle.id)
        assert (job.state.word, job.crashes) == ("cancelled", 1)
    assert sum(line.startswith("start long") for line in marks(tmp_path)) == 8
    assert f"end fresh {sleeper.pid}" in marks(tmp_path)


async def test_a_blocked_loop_loses_nothing(jobs: App, tmp_path: Path) -> None:
    with process(*WORKER, path=tmp_path, env=SHORT_LEASE):
        handle = await cpu.block.aenqueue(5)
        async with serving(jobs, queues=queues("nobodys")):
            await handle.aresult(timeout=60)
    job = await stored(jobs, handle.id)
    assert (job.attempt, job.crashes) == (1, 0)


async def test_jobs_that_run_apart_follow_each_other(jobs: App, tmp_path: Path) -> None:
    """They may be many, after a host was lost; each has its turn, not one every two seconds."""
    handles = [await cpu.rest.aenqueue(f"{number}", 0.01) for number in range(40)]
    with closing(sqlite3.connect(tmp_path / "jobs.db")) as connection, connection:
        assert connection.execute("UPDATE dutiful_job SET crashes = 2").rowcount == 40
    began = time.monotonic()
    async with serving(jobs, concurrency=4):
        for handle in handles:
            await handle.aresult(timeout=60)
    assert time.monotonic() - began < 40, "two seconds for each would be 80"
    assert [line.split()[0] for line in marks(tmp_path)] == ["start", "end"] * 40
