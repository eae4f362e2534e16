"""Measure what traces cost: in turn, jobs are enqueued and run with traces and without.

    python benchmarks/traces_cost.py --pairs 10 --jobs 3000

Both apps live in one process, each with an SQLite file of its own, in memory where there is one.
The SDK's batch processor passes every span to an exporter in memory. "many" is one `enqueue_many`,
"one" a call of `aenqueue` for each job. Times are medians, in microseconds of CPU for each job, of
all threads: the exporter's own work is in them.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import statistics
import sys
import tempfile
import time

from metrics_cost import MEMORY, app_at
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from dutiful.worker.options import WorkerOptions
from dutiful.worker.worker import Worker


async def cpu(call):
    gc.collect()
    gc.freeze()
    began = time.process_time()
    await call
    return time.process_time() - began


async def each(task, jobs):
    for number in range(jobs):
        await task.aenqueue(number)


async def measure(folder, pairs, jobs):
    """Return the medians by what was done, without traces and with them."""
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(exporter, max_queue_size=1_000_000))
    apps = {on: app_at(f"sqlite:///{folder}/{on}.db") for on in (False, True)}
    apps[True][0].traces.export(provider)
    found = {(what, on): [] for what in ("many", "one", "run") for on in (False, True)}
    for number in range(pairs + 1):
        for on in (False, True) if number % 2 else (True, False):
            app, task = apps[on]
            many = await cpu(app.aenqueue_many(task.job(one) for one in range(jobs)))
            one = await cpu(each(task, jobs // 10))
            run = await cpu(Worker(app, WorkerOptions(burst=True)).run())
            provider.force_flush()
            exporter.clear()
            if number:  # the first pair warms
                found["many", on].append(many / jobs * 1e6)
                found["one", on].append(one / (jobs // 10) * 1e6)
                found["run", on].append(run / (jobs + jobs // 10) * 1e6)
    for app, _ in apps.values():
        await app.close()
    provider.shutdown()
    return {key: statistics.median(values) for key, values in found.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=10)
    parser.add_argument("--jobs", type=int, default=3000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as folder:
        medians = asyncio.run(measure(folder, given.pairs, given.jobs))
    for what, words in (("many", "enqueue many"), ("one", "enqueue one"), ("run", "run")):
        off, on = medians[what, False], medians[what, True]
        print(f"{words:<13} {off:7.1f} us without, {on:7.1f} us with traces: {on - off:+.1f} us")
    return 0


if __name__ == "__main__":
    sys.exit(main())
