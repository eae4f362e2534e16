"""Many workers with small claims on one queue: who waits for whom."""

from __future__ import annotations

import statistics
import threading
import time
from collections import defaultdict
from typing import Any

from consume import ticks
from late_pages import LatePages
from narrow_ready import NarrowReady
from one_table import OneTable
from testbed import Batch, Link, database, percentile

DESIGNS: list[Any] = [OneTable, NarrowReady, LatePages]
WORKERS, SIZE, JOBS = (1, 4, 16), 10, 16_000


def run(url: str, rounds: int) -> None:
    """All designs in turn, with one, four and sixteen connections."""
    figures: dict[tuple[str, int], list[tuple[float, list[float]]]] = defaultdict(list)
    for turn in range(rounds):
        for workers in WORKERS:
            for at, kind in enumerate(DESIGNS):
                where = database(url, f"crowd_{at}_{workers}_{turn}")
                figures[kind.name, workers].append(_once(kind, where, workers))
    print(f"\n| design | workers claiming {SIZE} each | jobs/s | claim p50 ms | p99 |")
    print("|---|---|---|---|---|")
    for (name, workers), runs in figures.items():
        rates, claims = zip(*runs, strict=True)
        waits = sorted(wait for each in claims for wait in each)
        print(
            f"| {name} | {workers} | {statistics.median(rates):,.0f} ({min(rates):,.0f} to "
            f"{max(rates):,.0f}) | {percentile(waits, 0.5):.1f} | {percentile(waits, 0.99):.1f} |"
        )


def _once(kind: Any, where: str, workers: int) -> tuple[float, list[float]]:
    first = kind(where, ticks)
    first.create(link := Link(where))
    count = max(4_000, JOBS * workers // WORKERS[-1])
    for _ in range(count // 1000):
        first.insert(link, Batch(1000))
    done, claims = [0] * workers, list[float]()

    def work(at: int, link: Link) -> None:
        design = kind(where, ticks)
        while True:
            begun = time.perf_counter()
            jobs = design.claim(link, SIZE)
            claims.append((time.perf_counter() - begun) * 1e3)
            if not jobs:
                return
            done[at] += design.settle(link, jobs)

    links = [Link(where) for _ in range(workers)]
    threads = [threading.Thread(target=work, args=each) for each in enumerate(links)]
    begun = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took = time.perf_counter() - begun
    assert sum(done) == count, f"{kind.name}: {sum(done)} of {count}"
    return count / took, claims
