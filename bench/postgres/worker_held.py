"""Drains jobs through a worker process, with and without a snapshot that another session holds.

python bench/postgres/worker_held.py [JOBS]
"""

import asyncio
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

import psycopg

from dutiful.cli.bench.stages import Bench, task_of
from dutiful.cli.demo.postgres import local_server
from dutiful.worker.options import WorkerOptions


async def drain(jobs: int, held: bool) -> float:
    """Return the jobs a second of one worker on a server of its own."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        url = stack.enter_context(local_server(folder)).url()
        bench = Bench(url, folder, WorkerOptions(), lambda stage, share: None)
        await bench.app.open()
        if held:
            other = stack.enter_context(psycopg.connect(url))
            other.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            other.execute("SELECT count(*) FROM dutiful.migration")
        await bench.enqueue_many(task_of("async"), jobs)
        await bench.drain(task_of("async"), jobs, "drain")
        await bench.close()
        return bench.figures["drain_per_s"]


async def main(jobs: int) -> None:
    """Take turns, for the machine may slow down meanwhile."""
    for turn in range(3):
        for held in (turn % 2 == 0, turn % 2 == 1):
            print(f"{'held' if held else 'free'} {await drain(jobs, held):,.0f} jobs/s", flush=True)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 200_000))
