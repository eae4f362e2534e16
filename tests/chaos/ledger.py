"""The judge's book: one file outside the store, to which jobs, producers and the runner append."""

from __future__ import annotations

import os
import time
from functools import cache
from pathlib import Path
from typing import NamedTuple

_CLOCK: int = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class Line(NamedTuple):
    """One thing that happened: when, what, to which order, in which attempt, in which worker."""

    at: int
    what: str
    order: int
    attempt: int
    worker: str
    more: str


def ticks() -> int:
    """Return microseconds by the one clock that all processes of the host share."""
    return time.clock_gettime_ns(_CLOCK) // 1000


def me(pid: int = 0) -> str:
    """Name the worker that runs this process; process ids alone come around again."""
    return f"{os.environ.get('WORKER', 'runner')}.{pid or os.getpid()}"


def note(what: str, order: int = 0, attempt: int = 0, worker: str = "", more: str = "-") -> None:
    """Append a line by one write, which the kernel keeps whole."""
    more = " ".join(more.split())
    line = f"{ticks()} {what} {order} {attempt} {worker or me()} {more}\n"
    os.write(_opened(os.environ["LEDGER"]), line.encode())


@cache
def _opened(path: str) -> int:
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)


def write(path: Path, what: str, worker: str, at: int = 0) -> None:
    """Append a line for the runner, which holds no ledger open: it has one for each run."""
    with path.open("ab", buffering=0) as file:
        file.write(f"{at or ticks()} {what} 0 0 {worker} -\n".encode())


def read(path: Path) -> list[Line]:
    """Return every line, by time; a line cut short would be an error of the judge's own."""
    lines = []
    for text in path.read_text().splitlines() if path.exists() else ():
        at, what, order, attempt, worker, more = text.split(" ", 5)
        lines.append(Line(int(at), what, int(order), int(attempt), worker, more))
    lines.sort(key=lambda line: line.at)
    return lines
