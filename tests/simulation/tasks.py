"""What the simulated jobs do: each behaves, or misbehaves, in one way that users know."""

from __future__ import annotations

import asyncio
from contextvars import ContextVar
from typing import Any, Protocol

from dutiful.app import App
from dutiful.client.context import Context
from dutiful.core.outcome import Cancel, Discard, Snooze
from dutiful.core.retry import Retry


class Scene(Protocol):
    """The outside world of a task."""

    def effect(self, ctx: Context, name: str) -> None:
        """Do something that cannot be undone."""
        ...

    def step(self, ctx: Context, name: str) -> None:
        """Do the work of a step."""
        ...

    def pay(self, ctx: Context, key: str) -> int:
        """Ask a service that knows idempotency keys; the same key gives the first answer."""
        ...

    def write(self, ctx: Context, connection: Any) -> None:
        """Write in the job's transaction."""
        ...

    def die(self) -> None:
        """Kill the process that calls."""
        ...


SCENE: ContextVar[Scene] = ContextVar("scene")

APP = App("memory://")
"""Holds the tasks; each world keeps its jobs in an engine of its own."""

SOON = Retry(max_attempts=5, delay=0.5, cap=2)


@APP.task(retry=SOON)
async def quick(seconds: float, ctx: Context) -> str:
    await asyncio.sleep(seconds)
    SCENE.get().effect(ctx, "quick")
    return ctx.job_id


@APP.task(retry=SOON, queue="bulk")
async def slow(seconds: float, ctx: Context) -> None:
    """Take longer than a heartbeat, and sometimes than a lease."""
    await asyncio.sleep(seconds)
    SCENE.get().effect(ctx, "slow")


@APP.task(retry=SOON)
async def flaky(fails: int, ctx: Context) -> int:
    await asyncio.sleep(0.05)
    if ctx.attempt <= fails:
        raise ValueError(f"attempt {ctx.attempt} of {fails} failed")
    SCENE.get().effect(ctx, "flaky")
    return fails


@APP.task(retry=SOON)
async def naps(attempts: int, ctx: Context) -> None:
    """Sleep without a slot once, until a fence of a later claim."""
    await asyncio.sleep(0.02)
    if ctx.job.fence <= attempts:
        raise Snooze(0.7)
    SCENE.get().effect(ctx, "naps")


@APP.task(retry=SOON)
async def later(ctx: Context) -> str:
    if ctx.attempt == 1:
        raise Retry(after=0.4)
    SCENE.get().effect(ctx, "later")
    return "at last"


@APP.task(retry=SOON)
async def drops() -> None:
    await asyncio.sleep(0.05)
    raise Discard("no use")


@APP.task(retry=SOON)
async def quits() -> None:
    await asyncio.sleep(0.05)
    raise Cancel("not now")


@APP.task(retry=SOON, queue="bulk")
async def steps(pause: float, ctx: Context) -> list[str]:
    """Do three things, each of which must not be done again once it is recorded."""
    done: list[str] = []
    for name in ("one", "two", "three"):
        done.append(await ctx.step(name, _step, ctx, name))
        await asyncio.sleep(pause)
    assert done == [f"{name} of {ctx.job_id}" for name in ("one", "two", "three")]
    return done


async def _step(ctx: Context, name: str) -> str:
    await asyncio.sleep(0.01)
    SCENE.get().step(ctx, name)
    return f"{name} of {ctx.job_id}"


@APP.task(retry=SOON)
async def writes(seconds: float, ctx: Context) -> None:
    """Write to the store so that the write and the completion are one."""
    async with ctx.transaction() as data:
        SCENE.get().write(ctx, data)
    await asyncio.sleep(seconds)


@APP.task(retry=SOON)
async def pays(amount: int, ctx: Context) -> int:
    await asyncio.sleep(0.05)
    receipt = SCENE.get().pay(ctx, ctx.idempotency_key)
    await asyncio.sleep(0.4)
    return receipt + amount


@APP.task(retry=Retry(max_attempts=2, delay=0.5), timeout=1.0, hard_timeout=1.5)
async def late() -> None:
    """Never end in time."""
    await asyncio.sleep(4)


@APP.task(retry=SOON)
async def stubborn(seconds: float, ctx: Context) -> str:
    """Put things in order before it obeys an interruption."""
    try:
        await asyncio.sleep(seconds)
    except asyncio.CancelledError:
        await asyncio.sleep(0.2)
        raise
    SCENE.get().effect(ctx, "stubborn")
    return "done"


@APP.task(retry=SOON)
async def poison() -> None:
    """Kill every worker that runs it."""
    await asyncio.sleep(0.1)
    SCENE.get().die()
    await asyncio.get_running_loop().create_future()


@APP.task(retry=SOON)
async def garbage() -> Any:
    """Return what JSON cannot hold."""
    return object()


@APP.task(retry=SOON)
async def newer(seconds: float, ctx: Context) -> None:
    """Be known only to the workers that were deployed last."""
    await asyncio.sleep(seconds)
    SCENE.get().effect(ctx, "newer")


TASKS = APP.tasks
OLDER = {name: task for name, task in TASKS.items() if name != "newer"}
"""The tasks of a deployment that lags behind."""
