"""Tasks that behave as badly as code can."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import resource

from dutiful import App, Context, Retry
from tests.chaos.ledger import note

app = App()
ONCE = Retry(max_attempts=1)
SWALLOWED = 3


class Odd(BaseException):
    """Neither an error nor a signal."""


@app.task(retry=Retry(max_attempts=9, delay=0, jitter="none"))
async def exits(ctx: Context) -> None:
    note("exits", attempt=ctx.attempt)
    os._exit(7)


@app.task(retry=ONCE, cpu=True)
def eats() -> int:
    """Take more memory than there is; the limit stands for the machine's."""
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (2**31, hard))
    try:
        return len(bytearray(2**33))
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


@app.task(retry=ONCE)
async def forks() -> int:
    """Fork on the worker's own loop; the child enqueues, on a connection of its own, and ends."""
    child = multiprocessing.get_context("fork").Process(target=good.enqueue, args=(1000,))
    child.start()
    await asyncio.to_thread(child.join)
    return child.exitcode or 0


@app.task(retry=ONCE, timeout="0.3s")
async def swallows() -> str:
    for _ in range(SWALLOWED):
        try:
            await asyncio.sleep(1)
        except asyncio.CancelledError:
            note("swallowed")
    return "to the end"


@app.task(retry=ONCE)
async def raises() -> None:
    raise Odd("odd")


@app.task(retry=ONCE)
def leaves() -> None:
    raise SystemExit(3)


@app.task(retry=ONCE)
def returns() -> object:
    return object()


@app.task
async def good(number: int) -> int:
    await asyncio.sleep(0.02)
    return number
