"""What an attempt leaves behind opens nothing and records nothing once the attempt has ended."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from dutiful import App, ClaimLost, Context, Retry
from tests.until import until
from tests.worker.support import serving

ONCE = Retry(max_attempts=1)


@pytest.fixture(params=["sqlite", "postgresql"])
async def app(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[App]:
    url = f"sqlite:///{tmp_path}/jobs.db"
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres_url")
    async with App(url) as made:
        yield made


async def after_the_end(app: App, leave: Any, gate: threading.Event, said: list[Any]) -> None:
    """Let what a job leaves behind go on after the job has ended; others must not notice."""

    @app.task(retry=ONCE)
    async def other(number: int, ctx: Context) -> int:
        async with ctx.transaction():
            return number

    handle = await app.task(name="leaves", retry=ONCE)(leave).aenqueue()
    async with serving(app):
        await handle.aresult(timeout=60)
        gate.set()
        await until(lambda: said)
        assert [type(error) for error in said] == [ClaimLost]
        assert await (await other.aenqueue(3)).aresult(timeout=60) == 3


@pytest.mark.parametrize("act", ["transaction", "step"])
async def test_a_thread_that_goes_on_is_refused(app: App, act: str) -> None:
    gate, said, ran = threading.Event(), list[Any](), list[int]()

    def leaves(ctx: Context) -> None:
        def late() -> None:
            gate.wait(60)
            try:
                if act == "step":
                    ctx.step("late", lambda: ran.append(1))
                else:
                    with ctx.transaction():
                        ran.append(1)
            except BaseException as error:  # noqa: BLE001 - the test judges it
                said.append(error)
            else:
                said.append(None)

        threading.Thread(target=late).start()

    await after_the_end(app, leaves, gate, said)
    assert ran == []


@pytest.mark.parametrize("act", ["transaction", "step"])
async def test_a_coroutine_that_goes_on_is_refused(app: App, act: str) -> None:
    gate, said, ran = threading.Event(), list[Any](), list[int]()
    kept: list[asyncio.Task[None]] = []

    async def late(ctx: Context) -> None:
        async def effect() -> None:
            ran.append(1)

        while not gate.is_set():  # noqa: ASYNC110 - a thread's event
            await asyncio.sleep(0.01)
        try:
            if act == "step":
                await ctx.step("late", effect)
            else:
                async with ctx.transaction():
                    ran.append(1)
        except BaseException as error:  # noqa: BLE001 - the test judges it
            said.append(error)
        else:
            said.append(None)

    async def leaves(ctx: Context) -> None:
        kept.append(asyncio.get_running_loop().create_task(late(ctx)))

    await after_the_end(app, leaves, gate, said)
    assert ran == []
