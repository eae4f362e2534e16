"""How a producer's commit wakes sleeping workers in other processes: latency, cost to the producer, idle CPU.

    python benchmarks/sqlite/wakeup.py

Ways: a FIFO per listener, a unix datagram socket per listener, inotify on one side file, inotify on
the -wal file, polling PRAGMA data_version. Linux only (CPU time is read from /proc). Latency is to
the FIRST worker woken.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import statistics
import sys
import time
from pathlib import Path
from typing import Any

from common import connect, folder, insert_sql, percentile, rows, schema
from write_locks import notifier, sleep_fifo, sleep_inotify, sleep_polling, sleep_socket

ROUNDS, COMMITS, IDLE, SLEEPERS = 3, 30, 1.0, (0, 1, 8)


def worker(way: str, base: Path, number: int, woken: Any, stop: Any) -> None:
    """Sleep, note the first wake-up after each commit, until told to stop."""
    loop = asyncio.new_event_loop()

    def wake() -> None:
        if not woken[number]:
            woken[number] = time.monotonic_ns()

    name, _, pause = way.partition(" ")
    if name == "fifo":
        sleep_fifo(loop, base, number, wake)
    elif name == "socket":
        sleep_socket(loop, base, number, wake)
    elif name == "poll":
        sleep_polling(loop, base, float(pause.removesuffix("ms")) / 1000, wake)
    else:
        sleep_inotify(loop, base / ("jobs.db-wal" if pause == "wal" else "jobs.db.wake"), wake)
    woken[number] = 1
    loop.run_in_executor(None, stop.wait).add_done_callback(lambda _: loop.stop())
    loop.run_forever()


def on_cpu(pid: int) -> float:
    """Seconds a process (all of its threads) has spent on a CPU."""
    tasks = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(task.read_text().split()[0]) for task in tasks) / 1e9


def trial(way: str, sleepers: int) -> tuple[list[float], list[float], float, float]:
    """Latencies (ms), costs to a producer that rested and to a busy one (us), idle CPU per worker (% of a core)."""
    context = multiprocessing.get_context("spawn")
    woken, stop = context.RawArray("q", 16), context.Event()
    with folder() as base:
        (base / "doors").mkdir()
        (base / "jobs.db.wake").touch()
        conn = connect(base / "jobs.db")
        conn.executescript(schema("none"))
        crowd = [
            context.Process(target=worker, args=(way, base, each, woken, stop), daemon=True)
            for each in range(sleepers)
        ]
        for process in crowd:
            process.start()
        while not all(woken[each] for each in range(sleepers)):
            if not all(process.is_alive() for process in crowd):
                sys.exit(f"a worker of {way!r} died before it slept")
            time.sleep(0.02)
        time.sleep(0.3)
        before = sum(on_cpu(process.pid or 0) for process in crowd)
        time.sleep(IDLE if sleepers else 0)
        idle = (
            (sum(on_cpu(process.pid or 0) for process in crowd) - before)
            / IDLE
            / max(1, sleepers)
            * 100
        )
        notify, row, insert = notifier(way, base), rows(1, "none")[0], insert_sql("none")
        latencies, costs = [], []
        for _ in range(COMMITS):
            for each in range(sleepers):
                woken[each] = 0
            conn.execute(insert, row)
            committed = time.monotonic_ns()
            notify()
            costs.append((time.monotonic_ns() - committed) / 1000)
            time.sleep(0.15 if way == "poll 100ms" else 0.03)
            heard = [woken[each] for each in range(sleepers) if woken[each]]
            if heard:
                latencies.append((min(heard) - committed) / 1e6)
        begun = time.monotonic_ns()
        for _ in range(200):
            notify()
        busy = (time.monotonic_ns() - begun) / 200 / 1000
        stop.set()
        for process in crowd:
            process.join()
        conn.close()
    return latencies, costs, busy, idle


def main() -> None:
    """Every way with 0, 1 and 8 listeners, rounds interleaved."""
    if not sys.platform.startswith("linux"):
        sys.exit("this measurement reads /proc and uses inotify: Linux only")
    ways = (
        "fifo",
        "fifo one",
        "socket",
        "inotify side",
        "inotify wal",
        "poll 1ms",
        "poll 5ms",
        "poll 20ms",
        "poll 100ms",
    )
    kept: dict[tuple[str, int], list[tuple[list[float], list[float], float, float]]] = {}
    for _ in range(ROUNDS):
        for way in ways:
            for sleepers in SLEEPERS if not way.startswith("poll") else SLEEPERS[1:]:
                kept.setdefault((way, sleepers), []).append(trial(way, sleepers))
    print(
        f"{'way':<14}{'sleepers':>9}{'p50 ms':>9}{'p99 ms':>9}{'heard %':>9}{'cost us':>9}{'busy us':>9}{'idle % core each':>18}"
    )
    for (way, sleepers), runs in kept.items():
        latencies = [value for run in runs for value in run[0]]
        heard = 100 * len(latencies) / (ROUNDS * COMMITS)
        cost = statistics.median(value for run in runs for value in run[1])
        busy = statistics.median(run[2] for run in runs)
        idle = statistics.median(run[3] for run in runs)
        print(
            f"{way:<14}{sleepers:>9}{percentile(latencies, 0.5):>9.3f}{percentile(latencies, 0.99):>9.3f}"
            f"{heard:>9.0f}{cost:>9.1f}{busy:>9.1f}{idle:>18.2f}"
        )


if __name__ == "__main__":
    main()
