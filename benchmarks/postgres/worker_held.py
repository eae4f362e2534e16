"""Runs jobs through a worker process, with and without a snapshot that another session holds.

python benchmarks/postgres/worker_held.py [JOBS] [--minutes M]

With ``--minutes`` the snapshot is held for so long, while both stores get 1,000 jobs a second and
run them every ten seconds, before the turns that count.
"""

import argparse
import asyncio
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from statistics import median

import psycopg

from dutiful.bench.stages import Bench, task_of
from dutiful.servers.postgres import local_server
from dutiful.worker.options import WorkerOptions

PACE = 1_000
EVERY = 10.0
TURNS = 7


async def consume(url: str, folder: Path, jobs: int) -> float:
    """Return the jobs a second of one worker."""
    bench = Bench(url, folder, WorkerOptions(), lambda stage, share: None)
    await bench.app.open()
    await bench.enqueue_many(task_of("async"), jobs)
    await bench.consume(task_of("async"), jobs, "consume")
    await bench.close()
    return bench.figures["consume_per_s"]


async def take_turns(urls: dict[str, str], folder: Path, jobs: int, turn: int) -> dict[str, float]:
    """Run the jobs of both stores, the other one first each time, for the machine may slow down meanwhile."""
    order = sorted(urls, reverse=turn % 2 == 1)
    return {name: await consume(urls[name], folder, jobs) for name in order}


async def steady(urls: dict[str, str], folder: Path, minutes: float) -> None:
    """Keep both stores busy at 1,000 jobs a second, and say how many jobs ended in each minute."""
    began = time.monotonic()
    rounds: list[dict[str, float]] = []
    while (spent := time.monotonic() - began) < minutes * 60:
        rounds.append(await take_turns(urls, folder, int(PACE * EVERY), len(rounds)))
        if len(rounds) % 6 == 0:
            print(f"minute {spent / 60:4.1f}: {said(rounds[-6:])}", flush=True)
        await asyncio.sleep(max(began + len(rounds) * EVERY - time.monotonic(), 0))


def said(turns: list[dict[str, float]]) -> str:
    """Return the medians of some turns in words."""
    held, free = (median(turn[name] for turn in turns) for name in ("held", "free"))
    return f"held {held:,.0f}, free {free:,.0f} jobs/s, {held / free:.2f}"


async def main(jobs: int, minutes: float) -> None:
    """Hold a snapshot in one of two databases, for it holds up its own alone."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        server = stack.enter_context(local_server(folder))
        urls = {"free": server.url(), "held": server.url("held")}
        with psycopg.connect(server.url(), autocommit=True) as admin:
            admin.execute("CREATE DATABASE held")
        for url in urls.values():
            await consume(url, folder, 1)
        other = stack.enter_context(psycopg.connect(urls["held"]))
        other.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        other.execute("SELECT count(*) FROM dutiful.migration")
        await steady(urls, folder, minutes)
        turns = []
        for turn in range(TURNS):
            turns.append(await take_turns(urls, folder, jobs, turn))
            print(f"{jobs:,}: {said(turns[-1:])}", flush=True)
        print(f"median: {said(turns)}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("jobs", type=int, nargs="?", default=200_000)
    parser.add_argument("--minutes", type=float, default=0)
    asked = parser.parse_args()
    asyncio.run(main(asked.jobs, asked.minutes))
