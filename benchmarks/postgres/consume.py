"""Insert, claim and settle from one connection; what each part takes, and writes to the log."""

from __future__ import annotations

import statistics
import time
from collections import defaultdict
from typing import Any

from late_pages import LatePages
from narrow_ready import NarrowReady, Updated, UuidReady
from one_table import Copied, OneTable, Roomy, UuidId, WithoutTally, WithPlaceKey
from pages import Pages
from testbed import Batch, Link, database

DESIGNS: list[Any] = [
    OneTable,
    NarrowReady,
    UuidReady,
    Updated,
    Pages,
    LatePages,
    WithPlaceKey,
    UuidId,
    Roomy,
    WithoutTally,
    Copied,
]
JOBS = {1000: 60_000, 100: 20_000}
PARTS = ("insert", "claim", "settle")


def ticks() -> int:
    return time.monotonic_ns() // 1000


def run(url: str, rounds: int) -> None:
    """All designs in turn, in databases of one server, several times over."""
    figures: dict[tuple[str, int], dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for turn in range(rounds):
        for at, kind in enumerate(DESIGNS):
            where = database(url, f"consume_{at}_{turn}")
            design, link = kind(where, ticks), Link(where)
            design.create(link)
            once(design, link, 1000, 2_000)
            for size, count in JOBS.items():
                for part, value in once(design, link, size, count).items():
                    figures[kind.name, size][part].append(value)
    for size in JOBS:
        print(
            f"\nmicroseconds a job by {size:,}; server's processor; WAL bytes a job; claim+settle/s"
        )
        print(
            "|  | insert | claim | settle | server insert + consume | WAL insert + consume | consumed/s |"
        )
        print("|---|---|---|---|---|---|---|")
        for kind in DESIGNS:
            parts = figures[kind.name, size]
            mid = {part: statistics.median(values) for part, values in parts.items()}
            span = " | ".join(
                f"{mid[part]:.1f} ({min(parts[part]):.1f} to {max(parts[part]):.1f})"
                for part in PARTS
            )
            print(
                f"| {kind.name} | {span} | {mid['cpu insert']:.1f} + {mid['cpu consume']:.1f} "
                f"| {mid['wal insert']:.0f} + {mid['wal consume']:.0f} "
                f"| {1e6 / (mid['claim'] + mid['settle']):,.0f} |"
            )


def once(design: Any, link: Link, size: int, count: int) -> dict[str, float]:
    """Put jobs in and take all of them out."""
    design.maintain(link)
    batches = [Batch(size) for _ in range(count // size)]
    link.script("CHECKPOINT")
    cpu, wal = link.cpu(), _wal(link)
    begun = time.perf_counter()
    for batch in batches:
        design.insert(link, batch)
    spent = {"insert": time.perf_counter() - begun, "claim": 0.0, "settle": 0.0}
    middle, middle_wal = link.cpu(), _wal(link)
    done = 0
    while True:
        begun = time.perf_counter()
        jobs = design.claim(link, size)
        spent["claim"] += time.perf_counter() - begun
        if not jobs:
            break
        begun = time.perf_counter()
        done += design.settle(link, jobs)
        spent["settle"] += time.perf_counter() - begun
    assert done == count, f"{design.name}: {done} of {count} settled"
    figures = {part: seconds / count * 1e6 for part, seconds in spent.items()}
    figures["cpu insert"] = (middle - cpu) / count * 1e6
    figures["cpu consume"] = (link.cpu() - middle) / count * 1e6
    figures["wal insert"] = (middle_wal - wal) / count
    figures["wal consume"] = (_wal(link) - middle_wal) / count
    return figures


def _wal(link: Link) -> float:
    return float(link.one("SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn"))
