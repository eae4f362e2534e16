"""Managing a store that does not exist refuses, and makes none."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from dutiful import App, Backfill, Interval, StoreUnusable
from tests.manage.conftest import shop

HOURLY = Interval.every("1h")
DAY = Backfill.between(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC))

Call = Callable[[App], Any]
CALLS: dict[str, Call] = {
    "jobs.list": lambda app: app.jobs.list(),
    "jobs.iterate": lambda app: list(app.jobs.iterate()),
    "jobs.get": lambda app: app.jobs.get("x"),
    "jobs.cancel": lambda app: app.jobs.cancel(queue="mail"),
    "jobs.retry": lambda app: app.jobs.retry("x"),
    "dead.list": lambda app: app.dead.list(),
    "dead.purge": lambda app: app.dead.purge(task="charge"),
    "dead.redrive": lambda app: app.dead.redrive(all=True),
    "queues.list": lambda app: app.queues.list(),
    "queues.pause": lambda app: app.queues.pause("mail"),
    "workers.list": lambda app: app.workers.list(),
    "schedules.list": lambda app: app.schedules.list(),
    "schedules.iterate": lambda app: list(app.schedules.iterate()),
    "schedules.get": lambda app: app.schedules.get("x"),
    "schedules.check": lambda app: app.schedules.check(),
    "schedules.pause": lambda app: app.schedules.pause("x"),
    "schedules.delete": lambda app: app.schedules.delete("x"),
    "schedules.run": lambda app: app.schedules.run("x"),
    "schedules.backfill": lambda app: app.schedules.backfill("x", DAY),
}
MAKING: dict[str, Call] = {
    "declare": lambda app: app.schedules.declare(),
    "create": lambda app: app.schedules.create(app.tasks["never"], HOURLY),
}


@pytest.mark.parametrize("name", CALLS)
def test_no_call_makes_a_store(tmp_path: Path, name: str) -> None:
    app = shop(f"sqlite:///{tmp_path}/shopp.db")
    with pytest.raises(StoreUnusable, match=r"there is no file .*check the spelling"):
        CALLS[name](app)
    assert not list(tmp_path.iterdir())
    app.portal.close()


@pytest.mark.parametrize("name", MAKING)
def test_what_brings_a_schedule_makes_the_store(tmp_path: Path, name: str) -> None:
    app = shop(f"sqlite:///{tmp_path}/jobs.db")
    MAKING[name](app)
    assert (tmp_path / "jobs.db").exists()
    asyncio.run(app.close())


def test_no_async_call_makes_one(tmp_path: Path) -> None:
    asyncio.run(refused(App(f"sqlite:///{tmp_path}/shopp.db")))
    assert not list(tmp_path.iterdir())


async def refused(app: App) -> None:
    for call in (app.jobs.alist(), app.queues.apause("mail"), app.schedules.apause("x")):
        with pytest.raises(StoreUnusable, match="there is no file"):
            await call
    with pytest.raises(StoreUnusable, match="there is no file"):
        [job async for job in app.jobs.aiterate()]


def test_what_is_open_or_in_memory_is_managed(url: str) -> None:
    if url.startswith("memory"):
        app = shop(url)
        assert app.queues.pause("mail").paused
        app.portal.close()

    async def opened() -> None:
        async with shop(url) as app:
            assert (await app.queues.apause("mail")).paused
            await app.schedules.acreate(app.tasks["never"], HOURLY)

    asyncio.run(opened())


def test_an_enqueue_makes_the_store_that_is_then_managed(sync_app: App) -> None:
    handle = sync_app.tasks["never"].enqueue()
    assert [job.id for job in sync_app.jobs.list()] == [handle.id]
