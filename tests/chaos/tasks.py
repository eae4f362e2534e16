"""What the workers run: every kind of task, each telling the ledger what it does.

An order that is `aimed` kills its own worker on its first attempt, at the named point.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager

from dutiful import App, Context, Retry
from tests.chaos.ledger import me, note

app = App()
ON_SQLITE = os.environ.get("DUTIFUL_URL", "sqlite:").startswith("sqlite:")
# A server that is away refuses attempt after attempt at once; a file never does.
PAUSE = 0 if ON_SQLITE else "100ms"
# On a full disk attempt after attempt fails, for as long as it takes to empty it.
PATIENT = Retry(max_attempts=1000, delay=PAUSE, jitter="none")
INSERT = "insert into chaos_effect values (%s)"
if ON_SQLITE:
    INSERT = INSERT.replace("%s", "?")


def strike(point: str, aim: str, ctx: Context, order: int, pid: int = 0) -> None:
    """Kill the worker, when this is the point that the order aims at."""
    if point == aim and ctx.attempt == 1:
        note("kill", order, ctx.attempt, me(pid), point)
        os.kill(pid or os.getpid(), signal.SIGKILL)
        time.sleep(1)  # only a child lives to see this, and not for long


@contextmanager
def told(order: int, ctx: Context, pid: int = 0) -> Generator[None, None, None]:
    """Tell of the start and of the end of a body that returns."""
    worker = me(pid)
    note("start", order, ctx.attempt, worker, ctx.job.task)
    yield
    note("end", order, ctx.attempt, worker)


@app.task(retry=PATIENT)
async def plain(order: int, seconds: float, aim: str, ctx: Context) -> None:
    with told(order, ctx):
        strike("in a coroutine", aim, ctx, order)
        await asyncio.sleep(seconds)
        note("did", order, ctx.attempt)
    if aim == "after the end" and ctx.attempt == 1:
        pause = random.random() / 200
        threading.Timer(pause, strike, (aim, aim, ctx, order)).start()


@app.task(retry=PATIENT)
async def keyed(order: int, seconds: float, aim: str, ctx: Context) -> None:
    """Charge at a gateway that knows keys, in a step; then do something else."""

    async def charge(key: str) -> str:
        note("charge", order, ctx.attempt, more=key)
        strike("in a step", aim, ctx, order)
        await asyncio.sleep(seconds)
        return key

    with told(order, ctx):
        await ctx.step("charge", charge, ctx.idempotency_key)
        note("recorded", order, ctx.attempt)
        strike("between a step and its settle", aim, ctx, order)
        await asyncio.sleep(seconds)
        note("did", order, ctx.attempt)


@app.task(retry=PATIENT)
def threaded(order: int, seconds: float, aim: str, ctx: Context) -> None:
    with told(order, ctx):
        time.sleep(seconds)
        strike("in a thread", aim, ctx, order)
        note("did", order, ctx.attempt)


@app.task(retry=PATIENT)
def booked(order: int, seconds: float, aim: str, ctx: Context) -> None:
    with told(order, ctx):
        time.sleep(seconds)
        with ctx.transaction() as connection:
            connection.execute(INSERT, (order,))
            strike("inside a transaction", aim, ctx, order)
        note("did", order, ctx.attempt)


@app.task(retry=PATIENT)
async def abooked(order: int, seconds: float, aim: str, ctx: Context) -> None:
    with told(order, ctx):
        await asyncio.sleep(seconds)
        async with ctx.transaction() as connection:
            written = connection.execute(INSERT, (order,))
            if not ON_SQLITE:
                await written
        strike("inside a transaction", aim, ctx, order)
        note("did", order, ctx.attempt)


@app.task(retry=PATIENT, cpu=True)
def crunched(order: int, seconds: float, aim: str, ctx: Context) -> None:
    worker = os.getppid()
    with told(order, ctx, worker):
        time.sleep(seconds)
        strike("in a process task", aim, ctx, order, worker)
        if aim == "the task's process" and ctx.attempt == 1:
            note("fell", order, ctx.attempt, me(worker))
            os.kill(os.getpid(), signal.SIGKILL)
        note("did", order, ctx.attempt, me(worker))


@app.task(retry=PATIENT)
async def block(order: int, seconds: float, ctx: Context) -> None:
    """Hold up the loop as careless code does."""
    with told(order, ctx):
        time.sleep(seconds)  # noqa: ASYNC251 - the fault under test
