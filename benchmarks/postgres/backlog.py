"""Claim and settle with few and with very many jobs queued."""

from __future__ import annotations

import statistics
import time
from collections import defaultdict

from consume import ticks
from late_pages import LatePages
from narrow_ready import NarrowReady
from one_table import OneTable
from testbed import Link, database, percentile, sizes

KINDS = {"A": OneTable, "B": NarrowReady, "C": LatePages}
QUEUED = (1_000, 100_000, 10_000_000)
SLICE, TAKEN = 1000, 30_000


def run(url: str, rounds: int, *, fill: str | None, keep: bool) -> None:
    """Fill each design with each backlog, then run some of it, in turn."""
    for letter in fill or ("" if keep else KINDS):
        for queued in QUEUED:
            where = database(url, _name(letter, queued))
            design, link = KINDS[letter](where, ticks), Link(where)
            design.create(link)
            begun = time.perf_counter()
            design.fill(link, queued)
            print(f"{design.name}: {queued:,} filled in {time.perf_counter() - begun:.1f} s")
            link.conn.close()
            link = Link(where)
            link.script("VACUUM ANALYZE")
            print(
                f"  vacuumed after {time.perf_counter() - begun:.1f} s, {sizes(link)}", flush=True
            )
    if fill:
        return
    figures: dict[tuple[str, int], dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for _ in range(rounds):
        for queued in QUEUED:
            for letter, kind in KINDS.items():
                where = url + _name(letter, queued)
                design, link = kind(where, ticks), Link(where)
                if isinstance(design, LatePages):
                    design.maintain(link)
                claims, spent, count = _consume(design, link, min(TAKEN, queued), queued)
                parts = figures[kind.name, queued]
                parts["rate"].append(count / spent)
                parts["claim"].append(percentile(claims, 0.5) * 1e3)
                parts["first"].append(claims[0] * 1e3)
                link.conn.close()
    print(
        "\n| design | queued | consumed/s (lowest to highest) | claim of 1,000, p50 ms | first claim ms |"
    )
    print("|---|---|---|---|---|")
    for (name, queued), parts in figures.items():
        rates = parts["rate"]
        print(
            f"| {name} | {queued:,} | {statistics.median(rates):,.0f} ({min(rates):,.0f} to {max(rates):,.0f}) "
            f"| {statistics.median(parts['claim']):.1f} | {statistics.median(parts['first']):.1f} |"
        )


def _name(letter: str, queued: int) -> str:
    return f"backlog_{letter.lower()}_{queued}"


def _consume(
    design: OneTable | NarrowReady | LatePages, link: Link, count: int, queued: int
) -> tuple[list[float], float, int]:
    """Take some jobs; a short line is filled up again, outside the clock."""
    claims: list[float] = []
    spent, done = 0.0, 0
    for _ in range(6):  # until statements are prepared and their plans settled
        design.settle(link, design.claim(link, 10))
    design.fill(link, 60)
    link.script("CHECKPOINT")
    for _ in range(max(1, TAKEN // queued)):
        taken = 0
        while taken < count:
            begun = time.perf_counter()
            jobs = design.claim(link, SLICE)
            claims.append(time.perf_counter() - begun)
            taken += design.settle(link, jobs)
            spent += time.perf_counter() - begun
        done += taken
        if queued <= TAKEN:
            design.fill(link, taken)
    return claims, spent, done
