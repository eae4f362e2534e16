"""Runs hostile bodies beside ordinary jobs on a real worker, and judges how it bore them."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
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
            async with serving(folder, f"seed {seed}, {bodies} bodies", "-c", "12") as worker:
                await _judge(worker, good, hostile)


@asynccontextmanager
async def serving(folder: str, about: str, *options: str) -> AsyncIterator[subprocess.Popen[bytes]]:
    """Run a worker for the length of a block; what it said goes with a finding."""
    path = Path(folder) / "output"
    with path.open("wb") as output:
        worker = _started(output, folder, options)
    try:
        yield worker
    except Finding as finding:
        if worker.poll() is None:
            worker.send_signal(signal.SIGUSR1)
            worker.send_signal(signal.SIGPROF)
            await asyncio.sleep(1)
            path.open("ab").write((Path(folder) / "dump").read_bytes())
        said = path.read_text(errors="replace")[-20_000:]
        raise Finding(f"{about}: {finding}\n{said}") from None
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


def _started(output: BinaryIO, folder: str, options: Sequence[str]) -> subprocess.Popen[bytes]:
    call = ["-m", "dutiful", "worker", "tests.fuzz.bodies_tasks:app"]
    command = [sys.executable, *call, *options, "--grace", f"{GRACE}s"]
    env = {**os.environ, "DUTIFUL_URL": f"sqlite:///{folder}/jobs.db", "PYTHONUNBUFFERED": "1"}
    env |= {"DUTIFUL_DEBUG": "1", "DUMP": f"{folder}/dump"}
    return subprocess.Popen(command, stdout=output, stderr=output, env=env)


async def _judge(worker: subprocess.Popen[bytes], good: list[str], hostile: list[str]) -> None:
    limit = time.monotonic() + WAITING
    while waiting := await unfinished(good):
        alive(worker)
        if time.monotonic() > limit:
            raise Finding(f"{len(waiting)} neighbours wait: {shown(waiting[:3])}")
        await asyncio.sleep(0.05)
    for job in await tasks.app.store.inspector.get(good):
        if (job.state, job.attempt, job.crashes) != (State.SUCCEEDED, 1, 0):
            errors = await tasks.app.store.inspector.errors(job.id)
            texts = [f"{error.type}: {error.message}" for error in errors]
            raise Finding(f"a neighbour was hit: {shown([job])} {texts}")
    while running := [job for job in await unfinished(hostile) if _runs_soon(job)]:
        alive(worker)
        if time.monotonic() > limit:
            raise Finding(f"hostile jobs hold their slots: {shown(running)}")
        await asyncio.sleep(0.05)
    await asyncio.sleep(1.1)  # a second in which a task's handler of TERM is replaced
    alive(worker)
    await end(worker)


async def end(worker: subprocess.Popen[bytes]) -> None:
    """End a worker by TERM, which it must obey within its grace."""
    worker.send_signal(signal.SIGTERM)
    try:
        code = await asyncio.to_thread(worker.wait, ENDING)
    except subprocess.TimeoutExpired:
        raise Finding(f"TERM did not end the worker within {ENDING:g} s") from None
    if code != 0:
        raise Finding(f"TERM ended the worker with {code}")


def alive(worker: subprocess.Popen[bytes]) -> None:
    """Raise Finding where a worker has ended."""
    if (code := worker.poll()) is not None:
        raise Finding(f"the worker ended by itself with {code}")


async def unfinished(ids: list[str]) -> list[Job]:
    """Return those of these jobs that have not ended."""
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


def shown(jobs: list[Job]) -> str:
    """Write jobs as a finding shows them."""
    return "; ".join(
        f"{job.task}{job.args.decode()} {job.state.word} attempt {job.attempt} "
        f"crashes {job.crashes} {job.reason or ''}"
        for job in jobs
    )
