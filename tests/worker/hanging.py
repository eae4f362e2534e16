"""Tasks that hold up their worker's loop, or only seem to; where they tell is in ``MARKS``."""

from __future__ import annotations

import os
import time

from dutiful import App, Context
from tests.worker.jobs import at_once, mark

app = App()


@app.task(retry=at_once)
async def block(seconds: float, ctx: Context) -> int:
    """Block the loop at the first attempt."""
    mark(f"block {os.getpid()}")
    if ctx.attempt == 1:
        time.sleep(seconds)  # noqa: ASYNC251 - the fault under test
    return ctx.attempt


@app.task
def in_thread(seconds: float) -> None:
    mark("in a thread")
    time.sleep(seconds)


@app.task(cpu=True, retry=at_once)
def in_child(seconds: float, ctx: Context) -> int:
    mark(f"child {os.getpid()}")
    if ctx.attempt == 1:
        time.sleep(seconds)
    return ctx.attempt
