"""A steady load with pruning on every design at once, each in a database of one server."""

from __future__ import annotations

import json
import multiprocessing
import threading
import time
from pathlib import Path
from typing import Any

import psycopg
from consume import ticks
from late_pages import LatePages
from narrow_ready import NarrowReady
from one_table import OneTable
from pages import Pages
from testbed import Batch, Link, database, percentile, sizes

DESIGNS: list[Any] = [OneTable, NarrowReady, Pages, LatePages]
TICK, INSERTED, CLAIMED = 0.04, 40, 200
RETAINED = 120_000_000
PRUNE_SECONDS, SLICE = 5.0, 1000


def run(url: str, minutes: float, *, held: bool) -> None:
    """Load all designs at the same time, each from a process of its own."""
    with psycopg.connect(url + "postgres", autocommit=True) as conn:
        conn.execute("ALTER SYSTEM SET log_autovacuum_min_duration = 0")
        conn.execute("SELECT pg_reload_conf()")
        log = str(conn.execute("SHOW data_directory").fetchone()[0]) + "/../server.log"  # type: ignore[index]  # a row
    word = "held" if held else "steady"
    fork = multiprocessing.get_context("fork")
    ends: Any = fork.Queue()
    begin = time.monotonic() + 3
    for kind in DESIGNS:
        where = database(url, f"{word}_{kind.__name__.lower()}")
        given = (kind, where, begin, minutes, held, ends)
        fork.Process(target=_load, args=given, daemon=True).start()
    told = sorted([ends.get() for _ in DESIGNS], key=lambda each: each["name"])
    for each in told:
        each["vacuum_s"] = _vacuum_seconds(log, f"{word}_{each['kind']}")
        print(json.dumps(each), flush=True)
    print(f"\n{word}, {minutes:g} minutes at 1,000 jobs/s, first and last whole minute")
    print(
        "| design | claim p50 ms | p99 | settle p50 | settled/s | dead rows | tables MB | indexes MB | server CPU ms/s: first, last, vacuum in all (s) |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    for each in told:
        first, last = each["minutes"][0], each["minutes"][-1]
        pair = lambda key, digits=1: f"{first[key]:.{digits}f}, {last[key]:.{digits}f}"  # noqa: E731 - of this row
        print(
            f"| {each['name']} | {pair('p50', 2)} | {pair('p99')} | {pair('settle50', 2)} "
            f"| {pair('settled', 0)} | {pair('dead', 0)} | {pair('table_mb')} | {pair('index_mb')} "
            f"| {pair('cpu', 0)}, {each['vacuum_s']:.1f} |"
        )


def _load(kind: Any, where: str, begin: float, minutes: float, held: bool, ends: Any) -> None:
    design, links = kind(where, ticks), [Link(where) for _ in range(3)]
    feed, work, rest = links
    design.create(feed)
    holder = psycopg.connect(where)
    if held:
        holder.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        holder.execute("SELECT 1")
    end = begin + minutes * 60
    claims: list[tuple[float, float]] = []
    settles: list[tuple[float, float, int]] = []

    def produce() -> None:
        at = begin
        while (at := at + TICK) < end:
            time.sleep(max(0, at - time.monotonic()))
            design.insert(feed, Batch(INSERTED))

    def consume() -> None:
        time.sleep(max(0, begin - time.monotonic()))
        while time.monotonic() < end:
            begun = time.monotonic()
            jobs = design.claim(work, CLAIMED)
            claims.append((begun, time.monotonic() - begun))
            if jobs:
                begun = time.monotonic()
                count = design.settle(work, jobs)
                settles.append((begun, time.monotonic() - begun, count))
            if len(jobs) < CLAIMED:
                time.sleep(TICK / 2)

    def prune() -> None:
        while time.monotonic() < end:
            design.maintain(rest)
            if design.prune(rest, RETAINED, SLICE) < SLICE:
                time.sleep(PRUNE_SECONDS)

    threads = [threading.Thread(target=each, daemon=True) for each in (produce, consume, prune)]
    for thread in threads:
        thread.start()
    told: list[dict[str, Any]] = []
    look, before = Link(where), 0.0
    for minute in range(int(minutes)):
        time.sleep(max(0, begin + 60 * (minute + 1) - time.monotonic() - 0.5))
        spent = sum(link.cpu() for link in links)
        now = begin + 60 * minute
        took = [seconds * 1e3 for at, seconds in claims if now <= at < now + 60]
        ended = [each for each in settles if now <= each[0] < now + 60]
        told.append(
            {
                "p50": percentile(took, 0.5),
                "p99": percentile(took, 0.99),
                "settle50": percentile([each[1] * 1e3 for each in ended], 0.5),
                "settled": sum(each[2] for each in ended) / 59.5,
                "cpu": (spent - before) / 60 * 1e3,
                **sizes(look),
            }
        )
        before = spent
    left = len(design.claim(work, 100_000)) if not threads[1].join(30) else 0
    ends.put({"name": kind.name, "kind": kind.__name__.lower(), "left": left, "minutes": told})
    time.sleep(1)


def _vacuum_seconds(log: str, name: str) -> float:
    """Processor time of the automatic vacuums of a database, from the server's log."""
    total, ours = 0.0, False
    for line in Path(log).read_text(errors="replace").splitlines():
        if "automatic " in line:
            ours = f'"{name}.' in line
        if ours and "system usage: CPU:" in line:
            words = line.replace(",", "").split()
            total += float(words[words.index("user:") + 1])
            total += float(words[words.index("system:") + 1])
    return total
