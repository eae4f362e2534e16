"""Measure what metrics cost: in turn, a worker runs the same jobs with metrics and without.

    python benchmarks/metrics_cost.py --pairs 30 --jobs 5000

Both apps live in one process, each with an SQLite file of its own, in memory where there is one.
The one with metrics counts, serves them, and is scraped once a second while its jobs run. Short
runs take turns, so that other work of the machine slows both alike. The result is the median, over
the pairs, of throughput with metrics to throughput without; 1 means that they cost nothing. CPU
time is compared beside it: it varies less where other programs run.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import statistics
import sys
import tempfile
import threading
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path

from dutiful import App
from dutiful.worker.options import WorkerOptions
from dutiful.worker.worker import Worker

MEMORY = Path("/dev/shm")
LIMIT = 0.97
SCRAPE_SECONDS = 1.0


@contextmanager
def scraped(app):
    """Serve metrics for the length of a block; yields an event that lets a thread scrape them."""
    server, running, ended = app.metrics.serve("127.0.0.1:0"), threading.Event(), threading.Event()
    request = urllib.request.Request(
        f"http://{server.address}/metrics", headers={"Accept": "application/openmetrics-text"}
    )

    def scrape():
        while not ended.wait(SCRAPE_SECONDS):
            if running.is_set():
                urllib.request.urlopen(request).read()

    thread = threading.Thread(target=scrape)
    thread.start()
    yield running
    ended.set()
    thread.join()
    server.close()


def app_at(url):
    """Make an app with one task that does nothing."""
    app = App(url)

    @app.task
    async def nothing(number: int) -> int:
        return number

    return app, nothing


async def consume(app, task, jobs):
    """Return wall time and CPU time that a worker takes to run the jobs, in microseconds a job."""
    await app.aenqueue_many(task.job(number) for number in range(jobs))
    gc.collect()
    gc.freeze()  # as `dutiful worker` does
    wall, cpu = time.perf_counter(), time.process_time()
    await Worker(app, WorkerOptions(burst=True)).run()
    return (time.perf_counter() - wall) / jobs * 1e6, (time.process_time() - cpu) / jobs * 1e6


async def measure(folder, pairs, jobs):
    """Return the ratios of wall time and of CPU time, without to with metrics."""
    apps = {on: app_at(f"sqlite:///{folder}/{on}.db") for on in (False, True)}
    walls, cpus = [], []
    with scraped(apps[True][0]) as running:
        for number in range(pairs + 1):
            times = {}
            for on in (False, True) if number % 2 else (True, False):
                (running.set if on else running.clear)()
                times[on] = await consume(*apps[on], jobs)
            if number:  # the first pair warms
                walls.append(times[False][0] / times[True][0])
                cpus.append(times[False][1] / times[True][1])
                rate = 1e6 / times[True][0]
                print(
                    f"pair {number:>2}: {rate:>8,.0f} jobs/s with metrics, "
                    f"ratio {walls[-1]:.3f}, of CPU {cpus[-1]:.3f}"
                )
    for app, _ in apps.values():
        await app.close()
    return walls, cpus


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=30)
    parser.add_argument("--jobs", type=int, default=5000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as folder:
        walls, cpus = asyncio.run(measure(folder, given.pairs, given.jobs))
    wall, cpu = statistics.median(walls), statistics.median(cpus)
    print(f"median ratio of throughput: {wall:.3f} (limit {LIMIT}), of CPU time: {cpu:.3f}")
    return 0 if wall >= LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())
