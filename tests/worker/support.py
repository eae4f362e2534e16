"""Runs workers inside a test and waits for what they do, with a deadline."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from dutiful import App
from dutiful.core.event import Event
from dutiful.core.instant import SECOND
from dutiful.core.job import AttemptError, Job
from dutiful.core.lease import Lease
from dutiful.core.queue import Served
from dutiful.worker.options import WorkerOptions
from dutiful.worker.worker import Worker

DEADLINE = 60.0
SHORT = Lease(length=2 * SECOND, heartbeat=SECOND // 2)


class Events(list[Event]):
    """Everything that an app's bus carried."""

    def __init__(self, app: App) -> None:
        super().__init__()
        app.bus.subscribe(self.append)

    def of(self, kind: type[Any]) -> list[Any]:
        return [event for event in self if isinstance(event, kind)]


async def burst(app: App, **options: Any) -> Worker:
    """Run everything that is due."""
    worker = Worker(app, WorkerOptions(burst=True, **options))
    async with asyncio.timeout(DEADLINE):
        await worker.run()
    return worker


@asynccontextmanager
async def serving(app: App, **options: Any) -> AsyncIterator[Worker]:
    """Run a worker for the length of a block."""
    worker = Worker(app, WorkerOptions(**{"grace": SECOND, **options}))
    running = asyncio.create_task(worker.run())
    try:
        yield worker
    finally:
        worker.stop()
        async with asyncio.timeout(DEADLINE):
            await running


async def stored(app: App, job_id: str) -> Job:
    return (await app.store.inspector.get([job_id]))[0]


async def errors(app: App, job_id: str) -> tuple[AttemptError, ...]:
    return await app.store.inspector.errors(job_id)


async def ended(app: App, job_id: str) -> Job:
    """Wait until a job is in a final state."""
    end = time.monotonic() + DEADLINE
    while not (job := await stored(app, job_id)).state.final:
        assert time.monotonic() < end, f"{job_id} has not ended"
        await asyncio.sleep(0.01)
    return job


def queues(*names: str) -> tuple[Served, ...]:
    return tuple(Served(name) for name in names)


def environment(path: Path) -> dict[str, str]:
    """What a child process needs: the store, and a place for its marks."""
    return {
        **os.environ,
        "DUTIFUL_URL": f"sqlite:///{path}/jobs.db",
        "MARKS": str(path / "marks"),
        "PYTHONUNBUFFERED": "1",
    }


@contextmanager
def process(
    *arguments: str, path: Path, env: dict[str, str] | None = None
) -> Iterator[subprocess.Popen[str]]:
    """Run ``python -m ...`` in a folder, and kill it at the end of the block."""
    with (path / "output").open("ab") as output:
        running = subprocess.Popen(
            [sys.executable, "-m", *arguments],
            env={**environment(path), **(env or {})},
            stdout=output,
            stderr=output,
            text=True,
        )
        try:
            yield running
        except BaseException as error:
            error.add_note(f"the process wrote:\n{_end_of(path / 'output')}")
            raise
        finally:
            if running.poll() is None:
                running.send_signal(signal.SIGCONT)
                running.kill()
            running.wait()


def _end_of(file: Path) -> str:
    return file.read_text(errors="replace")[-4000:]


def output(path: Path) -> str:
    return (path / "output").read_text()


def marks(path: Path) -> list[str]:
    """Return the lines that tasks in other processes wrote."""
    file = path / "marks"
    return file.read_text().splitlines() if file.exists() else []
