"""Runs hostile bodies beside ordinary jobs on a real worker, and judges how it bore them."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from random import Random
from typing import BinaryIO

from dutiful.core.job import Job
from dutiful.core.state import State
from tests.fuzz import bodies_tasks as tasks

GRACE = 2.0
ENDING = 30.0
"""Seconds for the grace, what follows it, and a busy machine."""
WAITING = 60.0
SNOOZES = 20
"""Claims after which a job with two attempts must have asked for them."""


class Finding(AssertionError):
    """A hostile body reached beyond its job."""


async def play(seed: int, bodies: int) -> None:
    """Run one worker with so many hostile bodies; raises Finding with what went wrong."""
    rng = Random(seed)
    with tempfile.TemporaryDirectory(prefix="dutiful-bodies-") as folder:
        tasks.app.at(f"sqlite:///{folder}/jobs.db")
        async with tasks.app:
            good, hostile = await _enqueue(rng, bodies)
            path = Path(folder) / "output"
            with path.open("wb") as output:
                worker = _started(output, folder)
            try:
                await _judge(worker, good, hostile)
            except Finding as finding:
                if worker.poll() is None:
                    worker.send_signal(signal.SIGUSR1)
                    worker.send_signal(signal.SIGPROF)
                    await asyncio.sleep(1)
                    path.open("ab").write((Path(folder) / "dump").read_bytes())
                said = path.read_text(errors="replace")[-20_000:]
                raise Finding(f"seed {seed}, {bodies} bodies: {finding}\n{said}") from None
            finally:
                worker.kill()
                worker.wait()


async def _enqueue(rng: Random, bodies: int) -> tuple[list[str], list[str]]:
    good, hostile = list[str](), list[str]()
    for number in range(bodies):
        body = rng.choice(tasks.HOSTILE)
        hostile.append((await body.aenqueue(rng.randrange(2**32))).id)
        for neighbour in rng.sample(tasks.GOOD, 2):
            good.append((await neighbour.aenqueue(number)).id)
    return good, hostile


def _started(output: BinaryIO, folder: str) -> subprocess.Popen[bytes]:
    call = ["-m", "dutiful", "worker", "tests.fuzz.bodies_tasks:app"]
    command = [sys.executable, *call, "-c", "12", "--grace", f"{GRACE}s"]
    env = {**os.environ, "DUTIFUL_URL": f"sqlite:///{folder}/jobs.db", "PYTHONUNBUFFERED": "1"}
    env |= {"DUTIFUL_DEBUG": "1", "DUMP": f"{folder}/dump"}
    return subprocess.Popen(command, stdout=output, stderr=output, env=env)


async def _judge(worker: subprocess.Popen[bytes], good: list[str], hostile: list[str]) -> None:
    end = time.monotonic() + WAITING
    while unfinished := await _unfinished(good):
        _alive(worker)
        if time.monotonic() > end:
            raise Finding(f"{len(unfinished)} neighbours wait: {_shown(unfinished[:3])}")
        await asyncio.sleep(0.05)
    for job in await tasks.app.store.inspector.get(good):
        if (job.state, job.attempt, job.crashes) != (State.SUCCEEDED, 1, 0):
            errors = await tasks.app.store.inspector.errors(job.id)
            texts = [f"{error.type}: {error.message}" for error in errors]
            raise Finding(f"a neighbour was hit: {_shown([job])} {texts}")
    while running := [job for job in await _unfinished(hostile) if _runs_soon(job)]:
        _alive(worker)
        if time.monotonic() > end:
            raise Finding(f"hostile jobs hold their slots: {_shown(running)}")
        await asyncio.sleep(0.05)
    await asyncio.sleep(1.1)  # a second in which a task's handler of TERM is replaced
    _alive(worker)
    worker.send_signal(signal.SIGTERM)
    try:
        code = await asyncio.to_thread(worker.wait, ENDING)
    except subprocess.TimeoutExpired:
        raise Finding(f"TERM did not end the worker within {ENDING:g} s") from None
    if code != 0:
        raise Finding(f"TERM ended the worker with {code}")


def _alive(worker: subprocess.Popen[bytes]) -> None:
    if (code := worker.poll()) is not None:
        raise Finding(f"the worker ended by itself with {code}")


async def _unfinished(ids: list[str]) -> list[Job]:
    jobs = await tasks.app.store.inspector.get(ids)
    return [job for job in jobs if not job.state.final]


def _runs_soon(job: Job) -> bool:
    """Whether a job runs or will within seconds.

    One may have asked to wait for a century, and one asks for no wait, again and again.
    """
    soon = time.time_ns() // 1000 + 5_000_000
    if job.state is not State.RUNNING and job.fence > SNOOZES:
        return False
    return job.state in (State.RUNNING, State.QUEUED) or job.run_at < soon


def _shown(jobs: list[Job]) -> str:
    return "; ".join(
        f"{job.task}{job.args.decode()} {job.state.word} attempt {job.attempt} "
        f"crashes {job.crashes} {job.reason or ''}"
        for job in jobs
    )
