"""One app in four versions, as they are deployed one after another: `VERSION` names the one.

1 adds a task, 2 adds an argument with a default, 3 renames a function and keeps the task's name.
A job that fails once is dead, so that every fault of a deploy shows.
"""

from __future__ import annotations

import asyncio
import os
import time

from dutiful import App, Context, Retry
from tests.chaos.ledger import me, note
from tests.chaos.tasks import INSERT, ON_SQLITE, told

VERSIONS = (0, 1, 2, 3)
VERSION = int(os.environ.get("VERSION", VERSIONS[-1]))
ONCE = Retry(max_attempts=1)
STEPS = 4
"""The steps of a long job, each of which may be cut short by a stop."""

app = App(name="shop")


@app.task(retry=ONCE)
async def plain(order: int, seconds: float, ctx: Context) -> None:
    with told(order, ctx):
        await asyncio.sleep(seconds)
        note("did", order, ctx.attempt)


@app.task(retry=ONCE)
async def keyed(order: int, seconds: float, ctx: Context) -> None:
    async def charge(key: str) -> str:
        await asyncio.sleep(seconds)
        note("charge", order, ctx.attempt, more=key)
        return key

    with told(order, ctx):
        await ctx.step("charge", charge, ctx.idempotency_key)
        note("recorded", order, ctx.attempt)
        note("did", order, ctx.attempt)


@app.task(retry=ONCE)
def threaded(order: int, seconds: float, ctx: Context) -> None:
    with told(order, ctx):
        time.sleep(seconds)
        note("did", order, ctx.attempt)


@app.task(retry=ONCE)
def booked(order: int, seconds: float, ctx: Context) -> None:
    with told(order, ctx):
        time.sleep(seconds)
        with ctx.transaction() as connection:
            connection.execute(INSERT, (order,))
        note("did", order, ctx.attempt)


@app.task(retry=ONCE)
async def abooked(order: int, seconds: float, ctx: Context) -> None:
    with told(order, ctx):
        await asyncio.sleep(seconds)
        async with ctx.transaction() as connection:
            written = connection.execute(INSERT, (order,))
            if not ON_SQLITE:
                await written
        note("did", order, ctx.attempt)


@app.task(retry=ONCE)
async def long(order: int, seconds: float, ctx: Context) -> None:
    """Take longer than any grace period here; a stop costs at most the step that runs."""

    async def pack(number: int) -> int:
        await asyncio.sleep(seconds)
        note("stepped", order, ctx.attempt, more=str(number))
        return number

    with told(order, ctx):
        for number in range(STEPS):
            await ctx.step(f"pack {number}", pack, number)
        note("did", order, ctx.attempt)


if VERSION >= 1:

    @app.task(retry=ONCE)
    async def greeted(order: int, seconds: float, ctx: Context) -> None:
        await plain.fn(order, seconds, ctx)


if VERSION >= 2:

    @app.task(retry=ONCE)
    async def paid(order: int, seconds: float, ctx: Context, currency: str = "eur") -> None:
        await plain.fn(order, seconds, ctx)

else:

    @app.task(name="paid", retry=ONCE)
    async def paid_in_euro(order: int, seconds: float, ctx: Context) -> None:
        await plain.fn(order, seconds, ctx)


def _crunch(order: int, seconds: float, ctx: Context) -> None:
    worker = os.getppid()
    with told(order, ctx, worker):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            pass
        note("did", order, ctx.attempt, me(worker))


if VERSION >= 3:

    @app.task(name="crunched", retry=ONCE, cpu=True)
    def crunched_by_hand(order: int, seconds: float, ctx: Context) -> None:
        _crunch(order, seconds, ctx)

else:

    @app.task(retry=ONCE, cpu=True)
    def crunched(order: int, seconds: float, ctx: Context) -> None:
        _crunch(order, seconds, ctx)
