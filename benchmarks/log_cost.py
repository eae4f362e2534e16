"""Measure what it costs to keep the log lines of tasks: in turn, workers run the same jobs.

    python benchmarks/log_cost.py --rounds 10 --jobs 2000

Each job writes so many lines to a logger whose handler drops them; in one app they are captured
(`capture_logs=True`), in the other not. Both lie in one process, each with an SQLite file of its
own, in memory where there is one. Results are microseconds a job, as the median over the rounds; CPU
time varies less where other programs run.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import logging
import statistics
import tempfile
import time
from pathlib import Path

from dutiful import App
from dutiful.worker.options import WorkerOptions
from dutiful.worker.worker import Worker

MEMORY = Path("/dev/shm")
LINES = (0, 1, 10, 100, 1000)
log = logging.getLogger("log_cost")


def app_at(url, captures):
    """Make an app with one task that writes lines."""
    app = App(url)

    @app.task(capture_logs=captures)
    async def talk(lines: int) -> None:
        for number in range(lines):
            log.info("line %d of order %s", number, "SO-10042")

    return app, talk


async def consume(app, task, jobs, lines):
    """Return wall time and CPU time that a worker takes to run the jobs, in microseconds a job."""
    await app.aenqueue_many(task.job(lines) for _ in range(jobs))
    gc.collect()
    gc.freeze()  # as `dutiful worker` does
    wall, cpu = time.perf_counter(), time.process_time()
    await Worker(app, WorkerOptions(burst=True)).run()
    return (time.perf_counter() - wall) / jobs * 1e6, (time.process_time() - cpu) / jobs * 1e6


async def measure(folder, rounds, jobs):
    """Print a table: by number of lines, what a job takes without and with the capture."""
    apps = {on: app_at(f"sqlite:///{folder}/{on}.db", on) for on in (False, True)}
    for app, task in apps.values():
        await consume(app, task, 50, 1)
    print("lines   wall off    on     CPU off    on    CPU for a line kept or left out")
    for lines in LINES:
        count = max(jobs // max(lines // 10, 1), 50)
        walls, cpus = {False: [], True: []}, {False: [], True: []}
        for number in range(rounds):
            for on in (False, True) if number % 2 else (True, False):
                wall, cpu = await consume(*apps[on], count, lines)
                walls[on].append(wall)
                cpus[on].append(cpu)
        wall, cpu = ({on: statistics.median(found[on]) for on in found} for found in (walls, cpus))
        each = f"{(cpu[True] - cpu[False]) / lines:8.1f}" if lines else ""
        print(
            f"{lines:5} {wall[False]:10.0f} {wall[True]:6.0f} {cpu[False]:10.0f} {cpu[True]:6.0f}"
            f" {each}",
            flush=True,
        )
    for app, _ in apps.values():
        await app.close()


def main():
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--jobs", type=int, default=2000)
    options = parser.parse_args()
    log.setLevel("INFO")
    log.addHandler(logging.NullHandler())
    logging.getLogger().addHandler(logging.NullHandler())
    logging.getLogger("dutiful").setLevel("WARNING")
    folder = MEMORY if MEMORY.is_dir() else None
    with tempfile.TemporaryDirectory(dir=folder) as place:
        asyncio.run(measure(place, options.rounds, options.jobs))


if __name__ == "__main__":
    main()
