"""A worker does not start where another app has a schedule that its own declares."""

from __future__ import annotations

import asyncio

import pytest

from dutiful import App
from dutiful.core.errors import ScheduleTaken
from dutiful.engines.memory import MemoryEngine
from dutiful.worker.options import WorkerOptions
from dutiful.worker.worker import Worker


def declaring(engine: MemoryEngine, name: str, ran: list[str]) -> App:
    app = App(engine=engine, name=name)

    @app.cron("0 9 * * *")
    @app.task
    async def cleanup() -> None:
        ran.append(name)

    return app


async def test_the_start_is_refused_and_names_both(caplog: pytest.LogCaptureFixture) -> None:
    engine, ran = MemoryEngine(), list[str]()
    first, second = declaring(engine, "shop", ran), declaring(engine, "billing", ran)
    await first.schedules.declaration().bring(await first.ready())
    await second.tasks["cleanup"].aenqueue()
    with pytest.raises(ScheduleTaken, match="app 'shop', and app 'billing' declares it") as refused:
        await Worker(second, WorkerOptions(burst=True)).run()
    assert refused.value.taken == {"shop": ("cleanup",)}
    assert "dutiful schedules adopt cleanup" in str(refused.value)
    assert ran == []
    (standing,) = await first.schedules.alist()
    assert standing.app == "shop"


async def test_it_starts_once_it_has_adopted_them() -> None:
    engine, ran = MemoryEngine(), list[str]()
    first, second = declaring(engine, "shop", ran), declaring(engine, "billing", ran)
    await first.schedules.declaration().bring(await first.ready())
    assert await second.schedules.aadopt("cleanup") == ("cleanup",)
    await second.tasks["cleanup"].aenqueue()
    async with asyncio.timeout(60):
        await Worker(second, WorkerOptions(burst=True)).run()
    assert ran == ["billing"]
    (standing,) = await first.schedules.alist()
    assert (standing.app, standing.retired_at) == ("billing", None)
