"""Writes the tables of ``docs/peers.md`` from the raw figures of one run."""

from __future__ import annotations

from collections.abc import Callable
from math import ceil
from statistics import median
from typing import Any

Row = dict[str, Any]
Read = Callable[[Row], list[float]]
Show = Callable[[float], str]

STORES = {"postgresql": "On PostgreSQL", "sqlite": "On SQLite"}


def markdown(figures: dict[str, Any]) -> str:
    """Return everything that is generated on the page."""
    parts = [_about(figures)]
    for store, title in STORES.items():
        rows = [row for row in figures["systems"] if row["store"] == store]
        if rows:
            parts += [f"### {title}", _table(rows)]
    faults = [line for row in figures["systems"] for line in _faults(row)]
    parts += ["### What went wrong", "\n".join(faults) or _CLEAN]
    parts += ["### Versions and settings", _settings(figures["systems"])]
    return "\n\n".join(parts)


_CLEAN = (
    "Nothing: in every measured run each job ran once, and the store said afterwards that nothing "
    "was left."
)


def _about(figures: dict[str, Any]) -> str:
    machine, size = figures["machine"], figures["sizes"]
    runs = figures["runs"]
    return (
        f"Measured on {figures['date']}: {machine['cores']} cores, {machine['cpu']}, "
        f"{machine['memory_gib']} GiB, {machine['system']}; {figures['server']}, as it comes. "
        f"{runs} {'run' if runs == 1 else 'runs'} of each, one after another in turns, backlogs of "
        f"about {size['seconds']:g} s. A figure is the median of the runs, with the lowest and the "
        "highest after it. The best of each column is bold."
    )


def _table(rows: list[Row]) -> str:
    columns: list[tuple[str, Read, Show, bool]] = [
        ("enqueue one by one /s", lambda r: _each(r, "one_per_s"), _whole, True),
        ("enqueue by the thousand /s", lambda r: _each(r, "bulk_per_s"), _whole, True),
        ("consume, one worker /s", lambda r: _consumed(r, "consume", "per_s"), _whole, True),
        ("consume, two workers /s", lambda r: _consumed(r, "consume_two", "per_s"), _whole, True),
        ("pickup p50 ms", lambda r: _pickup(r, 0.5), _tenth, False),
        ("pickup p99 ms", lambda r: _pickup(r, 0.99), _tenth, False),
        ("cpu s per 1,000", _cpu, _thousandth, False),
    ]
    head = ["system", *(title for title, *_ in columns)]
    head.insert(4, "of the fastest rival")
    fine = [row for row in rows if "why" not in row]
    best = [_best([read(row) for row in fine], high) for _, read, _, high in columns]
    rival = max(
        (median(_consumed(r, "consume", "per_s")) for r in fine if not r["ours"]), default=None
    )
    lines = []
    for row in rows:
        if "why" in row:
            lines.append([row["title"], f"not measured: {row['why']}", *[""] * len(columns)])
            continue
        cells = [
            _cell(read(row), show, winner)
            for (_, read, show, _), winner in zip(columns, best, strict=True)
        ]
        share = median(_consumed(row, "consume", "per_s")) / rival if rival else None
        cells.insert(3, "" if share is None else f"{share:.2f}")
        lines.append([row["title"], *cells])
    lines.sort(key=lambda line: -float(line[4]) if line[4] else 0)
    return _lay(head, lines)


def _each(row: Row, name: str) -> list[float]:
    return [run[name] for run in row["runs"] if name in run]


def _consumed(row: Row, stage: str, name: str) -> list[float]:
    return [run[stage][name] for run in row["runs"]]


def _cpu(row: Row) -> list[float]:
    workers = _consumed(row, "consume", "worker_cpu_s_per_1000")
    server = _consumed(row, "consume", "server_cpu_s_per_1000")
    return [a + b for a, b in zip(workers, server, strict=True)]


def _pickup(row: Row, share: float) -> list[float]:
    """Return the percentile of each run."""
    found = [run["pickup_ms"] for run in row["runs"]]
    return [delays[ceil(len(delays) * share) - 1] for delays in found]


def _best(columns: list[list[float]], high: bool) -> float | None:
    medians = [median(values) for values in columns if values]
    return (max if high else min)(medians) if len(medians) > 1 else None


def _cell(values: list[float], show: Show, winner: float | None) -> str:
    if not values:
        return "no such call"
    middle = median(values)
    text = f"**{show(middle)}**" if middle == winner else show(middle)
    low, high = show(min(values)), show(max(values))
    return text if len(values) == 1 else f"{text} ({low}-{high})"


def _faults(row: Row) -> list[str]:
    found = []
    where = f"{row['title']} on {'PostgreSQL' if row['store'] == 'postgresql' else 'SQLite'}"
    if "why" not in row:
        found += [f"- {where}: {why}." for why in row.get("failed", [])]
    for number, run in enumerate(row.get("runs", []), 1):
        for stage, workers in (("consume", "one worker"), ("consume_two", "two workers")):
            told = [
                f"{run[stage][name]:,} {words}"
                for name, words in (
                    ("lost", "never ran"),
                    ("repeated", "ran again"),
                    ("left", "still in the store as not ended 10 s later"),
                )
                if run[stage][name]
            ]
            if told:
                of = f"{row['jobs']:,} jobs"
                found.append(f"- {where}, run {number}, {workers}, of {of}: {', '.join(told)}.")
    return found


def _settings(rows: list[Row]) -> str:
    lines = []
    for row in rows:
        known = "jobs" in row
        settled = median(_consumed(row, "consume", "settled_s")) if row.get("runs") else None
        lines.append(
            [
                f"{row['title']} ({row['store']})",
                row["version"],
                row.get("python", ""),
                f"{row['jobs']:,}" if known else "",
                "" if settled is None else f"{settled:.2f} s",
                row["settings"],
            ]
        )
    last = "all recorded after the last start"
    return _lay(["system", "version", "Python", "jobs in a backlog", last, "settings"], lines)


def _lay(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _whole(value: float) -> str:
    return f"{value:,.0f}"


def _tenth(value: float) -> str:
    return f"{value:,.1f}"


def _thousandth(value: float) -> str:
    return f"{value:.3f}"
