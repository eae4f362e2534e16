"""Count what one sync ``enqueue`` passes through: calls, files, and changes of file.

    python benchmarks/enqueue_path.py               # memory and SQLite
    python benchmarks/enqueue_path.py sqlite --show # the calls, indented by their depth

Run it with the `.venv` of the checkout to count. Of several enqueues on an open store the shortest
counts: now and then one also checks the file, or draws random bits for the next ids. A call is each
time that a Python function of the package is entered, which is also each time that a generator goes
on; a change of file is an entry into a file other than that of the entry before.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

import dutiful

PACKAGE = Path(dutiful.__file__).parent
ENQUEUES = 10
ENGINES = ("memory", "sqlite")


class Entered(NamedTuple):
    """One entry into a function of the package."""

    file: str
    function: str
    depth: int


def traced(call: Callable[[], object]) -> list[Entered]:
    """Return the functions of the package that a call enters in this thread, in their order."""
    entered: list[Entered] = []
    root = f"{PACKAGE}/"
    depth = 0

    def note(frame: FrameType, event: str, arg: Any) -> None:
        nonlocal depth
        code = frame.f_code
        if not code.co_filename.startswith(root):
            return
        if event == "call":
            entered.append(Entered(code.co_filename[len(root) :], code.co_qualname, depth))
            depth += 1
        elif event == "return":
            depth -= 1

    sys.setprofile(note)
    try:
        call()
    finally:
        sys.setprofile(None)
    return entered


def path_of(engine: str, folder: Path) -> list[Entered]:
    """Trace enqueues of a job with one argument on a fresh store, and return the shortest path."""
    app = dutiful.App("memory://" if engine == "memory" else f"sqlite:///{folder}/jobs.db")

    @app.task
    def charge(order: int) -> None: ...

    try:
        charge.enqueue(0)
        paths = [traced(lambda: charge.enqueue(order)) for order in range(ENQUEUES)]
        return min(paths, key=len)
    finally:
        asyncio.run(app.close())


def files(entered: list[Entered]) -> set[str]:
    """Return the files that were entered."""
    return {one.file for one in entered}


def changes(entered: list[Entered]) -> int:
    """Count the entries into a file other than that of the entry before."""
    return sum(one.file != other.file for one, other in pairwise(entered))


def main() -> None:
    """Print the counts, and with ``--show`` the path itself."""
    parser = argparse.ArgumentParser(description="count what one sync enqueue passes through")
    parser.add_argument("engines", nargs="*", default=ENGINES, metavar="ENGINE")
    parser.add_argument("--show", action="store_true", help="print each call")
    given = parser.parse_args()
    for engine in given.engines:
        with tempfile.TemporaryDirectory() as folder:
            entered = path_of(engine, Path(folder))
        if given.show:
            for one in entered:
                print(f"{'  ' * one.depth}{one.function}  ({one.file})")
        counts = f"{len(entered)} calls, {len(files(entered))} files"
        print(f"{engine}: {counts}, {changes(entered)} changes of file")


if __name__ == "__main__":
    main()
