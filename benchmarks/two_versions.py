"""Compare two versions of Dutiful: in turn, each enqueues, fills a store, runs all jobs, and picks jobs up.

    python benchmarks/two_versions.py sqlite OLD NEW --pairs 10

OLD and NEW are checkouts, each with its `.venv` (`make setup`). Files and the server lie in memory,
where there is one: a disk's own pauses would hide some per cent. Times are microseconds a job; a
ratio above 1 says that NEW is faster.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MEMORY = Path("/dev/shm")
WARM = 20
PICKUPS = 220
SETTLED = 0.01
Figures = dict[str, float]


async def fill_and_consume(url: str, jobs: int) -> Figures:
    """Enqueue jobs that do nothing, then run them all in one worker; the first few are warming."""
    from dutiful import App
    from dutiful.worker.options import WorkerOptions
    from dutiful.worker.worker import Worker

    app = App(url)

    @app.task(name="nothing")
    async def nothing(number: int) -> int:
        return number

    await app.aenqueue_many(nothing.job(number) for number in range(WARM))
    await Worker(app, WorkerOptions(burst=True)).run()
    times = [(time.perf_counter(), time.process_time())]
    await app.aenqueue_many(nothing.job(number) for number in range(jobs))
    times.append((time.perf_counter(), time.process_time()))
    gc.collect()
    gc.freeze()  # as `dutiful worker` does
    times.append((time.perf_counter(), time.process_time()))
    await Worker(app, WorkerOptions(burst=True)).run()
    times.append((time.perf_counter(), time.process_time()))
    await app.close()
    enqueued, picked_up = await one_by_one(url)
    micros = [[at / jobs * 1e6 for at in pair] for pair in times]
    return {
        "enqueue many": micros[1][0] - micros[0][0],
        "enqueue many, CPU": micros[1][1] - micros[0][1],
        "consume": micros[3][0] - micros[2][0],
        "consume, CPU": micros[3][1] - micros[2][1],
        "enqueue one": enqueued,
        "pickup": picked_up,
    }


async def one_by_one(url: str) -> tuple[float, float]:
    """Enqueue single jobs for an idle worker; medians from call to return, and to the job's first line."""
    from dutiful import App
    from dutiful.worker.worker import Worker

    app, begun = App(url), asyncio.Event()
    started = 0.0

    @app.task(name="mark")
    async def mark() -> None:
        nonlocal started
        started = time.perf_counter()
        begun.set()

    worker = Worker(app)
    running = asyncio.create_task(worker.run())
    returns: list[float] = []
    starts: list[float] = []
    for number in range(PICKUPS):
        begun.clear()
        called = time.perf_counter()
        await mark.aenqueue()
        returned = time.perf_counter()
        await begun.wait()
        await asyncio.sleep(SETTLED)  # the worker settles the job and waits again
        if number >= WARM:
            returns.append(returned - called)
            starts.append(started - called)
    worker.stop()
    await running
    await app.close()
    return statistics.median(returns) * 1e6, statistics.median(starts) * 1e6


@contextmanager
def stores(engine: str) -> Iterator[Iterator[str]]:
    """Give out the URLs of empty stores."""
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as name:
        folder = Path(name)
        folder.chmod(0o755)
        if engine == "sqlite":
            yield (f"sqlite:///{folder}/{number}.db" for number in range(10**6))
            return
        from dutiful.servers.postgres import local_server

        with local_server(folder) as server:
            yield (server.url(schema=f"s{number}") for number in range(10**6))


def measured(checkout: Path, url: str, jobs: int) -> Figures:
    """Measure one version on an empty store."""
    python = checkout / ".venv" / "bin" / "python"
    # Else a version whose files have just changed would compile them while it is measured.
    subprocess.run([python, "-m", "compileall", "-q", checkout / "src"], check=True)
    command = [python, Path(__file__).resolve(), "--child", url, "--jobs", str(jobs)]
    said = subprocess.run(command, check=True, capture_output=True, text=True)
    figures: Figures = json.loads(said.stdout)
    return figures


def main() -> None:
    """Compare, or be one of the two."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("engine", nargs="?", choices=("sqlite", "postgresql"))
    parser.add_argument("old", nargs="?", type=Path)
    parser.add_argument("new", nargs="?", type=Path)
    parser.add_argument("--pairs", type=int, default=10)
    parser.add_argument("--jobs", type=int, default=30_000)
    parser.add_argument("--child", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        import uvloop

        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            print(json.dumps(runner.run(fill_and_consume(given.child, given.jobs))))
        return
    if given.new is None or shutil.which(given.old / ".venv/bin/python") is None:
        parser.error("name an engine and two checkouts in which `make setup` has run")
    found: dict[Path, list[Figures]] = {given.old: [], given.new: []}
    with stores(given.engine) as urls:
        for pair in range(given.pairs):
            for checkout in sorted(found, reverse=pair % 2 == 1):
                found[checkout].append(measured(checkout, next(urls), given.jobs))
    for name in found[given.old][0]:
        old, new = ([figures[name] for figures in found[which]] for which in found)
        middle = statistics.median(old) / statistics.median(new)
        print(
            f"{name:18} old {statistics.median(old):5.1f} us, new {statistics.median(new):5.1f} us;"
            f" old : new {middle:.2f}, of the best runs {min(old) / min(new):.2f}"
        )


if __name__ == "__main__":
    sys.exit(main())
