"""The jobs of the benchmark: they do nothing but leave a mark."""

from __future__ import annotations

import itertools
import os
from functools import cache
from pathlib import Path
from time import monotonic_ns

from dutiful import App

from .marks import Marks

MARKS = "DUTIFUL_BENCH_MARKS"
"""The variable that names the file of marks."""

app = App()
_number = itertools.count(1)


@cache
def _marks() -> Marks:
    return Marks(Path(os.environ[MARKS]))


@app.task(name="bench.no_op")
async def no_op(number: int) -> int:
    """Run on the loop and return a small result."""
    _marks().hit(next(_number), monotonic_ns())
    return number


@app.task(name="bench.no_op_sync")
def no_op_sync(number: int) -> int:
    """Run in a thread and return a small result."""
    _marks().hit(next(_number), monotonic_ns())
    return number


@app.task(name="bench.picked_up")
async def picked_up(enqueued_ns: int) -> None:
    """Note how long ago the job was enqueued."""
    now = monotonic_ns()
    count = next(_number)
    _marks().delay(count, now - enqueued_ns)
    _marks().hit(count, now)
