"""A step's name is taken once in an attempt, and is recalled in the next one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from dutiful import App, Context, Retry, UsageError
from tests.worker.support import burst, errors, stored

ONCE = Retry(max_attempts=1)
AT_ONCE = Retry(max_attempts=3, delay="0s", backoff="fixed", jitter="none")


async def test_a_task_that_is_called_inline_twice_needs_two_names(app: App) -> None:
    paid: list[int] = []

    @app.task
    def charge(ctx: Context, order: int) -> str:
        def pay() -> str:
            paid.append(order)
            return f"receipt-{order}"

        return ctx.step("pay", pay)

    @app.task(retry=ONCE)
    def bulk(orders: list[int]) -> list[str]:
        return [charge(order) for order in orders]

    handle = await bulk.aenqueue([10, 20])
    await burst(app)
    assert paid == [10]
    (error,) = await errors(app, handle.id)
    assert error.type.endswith("UsageError")
    assert "step 'pay' was taken already in this attempt" in error.message


@pytest.mark.parametrize("together", [False, True])
async def test_an_async_task_is_held_to_it(app: App, together: bool) -> None:
    ran: list[int] = []

    async def effect() -> None:
        await asyncio.sleep(0)
        ran.append(1)

    @app.task(retry=ONCE)
    async def twice(ctx: Context) -> None:
        if together:
            await asyncio.gather(ctx.step("s", effect), ctx.step("s", effect))
        await ctx.step("s", effect)
        await ctx.step("s", effect)

    handle = await twice.aenqueue()
    await burst(app)
    assert (await errors(app, handle.id))[0].type.endswith("UsageError")
    assert len(ran) <= 1


async def test_one_that_raised_may_be_taken_again_in_the_attempt(app: App) -> None:
    tries: list[int] = []

    def flaky() -> str:
        tries.append(1)
        if len(tries) < 3:
            raise OSError("not yet")
        return "done"

    @app.task(retry=ONCE)
    def insists(ctx: Context) -> str:
        for _ in range(2):
            try:
                ctx.step("s", flaky)
            except OSError:
                continue
        return str(ctx.step("s", flaky))

    handle = await insists.aenqueue()
    await burst(app)
    assert await handle.aresult(timeout=60) == "done"


async def test_the_next_attempt_takes_all_names_again(app: App) -> None:
    ran: list[str] = []

    def note(what: str) -> Callable[[], Any]:
        return lambda: ran.append(what)

    @app.task(retry=AT_ONCE)
    def steps(ctx: Context) -> None:
        for number in range(3):
            ctx.step(f"s-{number}", note(f"{number}"))
        if ctx.attempt < 3:
            raise ValueError("again")

    handle = await steps.aenqueue()
    await burst(app)
    assert (await stored(app, handle.id)).state.word == "succeeded"
    assert ran == ["0", "1", "2"]


def test_a_plain_call_is_held_to_it_as_well() -> None:
    app = App("memory://")

    @app.task
    def twice(ctx: Context) -> None:
        ctx.step("s", int)
        ctx.step("s", int)

    with pytest.raises(UsageError, match="taken already"):
        twice()
    assert app.tasks["twice"].name == "twice"
