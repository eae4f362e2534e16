"""Management inside a task's transaction, which holds the lock that it would wait for."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from dutiful import App, Context, Retry
from dutiful.core.errors import UsageError
from dutiful.core.outcome import Failed
from dutiful.core.rule import Interval
from dutiful.core.state import State
from dutiful.engines.sqlite import SqliteEngine
from tests.engines.sqlite.support import claimed, rows, settled
from tests.worker.support import burst, errors

HOUR = 3_600_000_000
ONCE = Retry(max_attempts=1)
AT_ONCE_SECONDS = 2.5
"""Less than the 5 s that a write waits for the lock."""

Call = Callable[[App, dict[str, str], str], Any]
CALLS: dict[str, Call] = {
    "pause": lambda app, _, a: getattr(app.queues, f"{a}pause")("mail"),
    "resume": lambda app, _, a: getattr(app.queues, f"{a}resume")("held"),
    "cancel": lambda app, ids, a: getattr(app.jobs, f"{a}cancel")(ids["waiting"]),
    "run now": lambda app, ids, a: getattr(app.jobs, f"{a}run_now")(ids["waiting"]),
    "redrive": lambda app, ids, a: getattr(app.dead, f"{a}redrive")(ids["dead"]),
    "purge": lambda app, ids, a: getattr(app.dead, f"{a}purge")(ids["dead"]),
    "create": lambda app, _, a: getattr(app.schedules, f"{a}create")(
        app.tasks["plain"], Interval(HOUR), name="another"
    ),
    "pause a schedule": lambda app, _, a: getattr(app.schedules, f"{a}pause")("hourly"),
    "delete a schedule": lambda app, _, a: getattr(app.schedules, f"{a}delete")("hourly"),
    "run a schedule": lambda app, _, a: getattr(app.schedules, f"{a}run")("hourly"),
}


@pytest.fixture
async def shop(path: Path) -> AsyncIterator[tuple[App, dict[str, str]]]:
    """An app with a dead job, one that waits, a schedule and a paused queue."""
    app = App(f"sqlite:///{path}")
    ids = dict[str, str]()

    @app.task(queue="apart", retry=ONCE)
    async def plain() -> None:
        raise ValueError("on purpose")

    @app.task(retry=ONCE)
    def threaded(call: str, ctx: Context) -> None:
        with ctx.transaction():
            CALLS[call](app, ids, "")

    @app.task(retry=ONCE)
    async def on_loop(call: str, ctx: Context) -> None:
        async with ctx.transaction():
            await CALLS[call](app, ids, "a")

    async with app:
        ids["dead"] = (await plain.aenqueue()).id
        await burst(app)
        ids["waiting"] = (await plain.using(delay="1h").aenqueue()).id
        await app.schedules.acreate(plain, Interval(HOUR), name="hourly")
        await app.queues.apause("held")
        yield app, ids


def picture(path: Path) -> list[Any]:
    """Return all that the calls would change."""
    return [
        rows(path, query)
        for query in (
            "SELECT id, state, run_at FROM dutiful_job WHERE task LIKE '%plain' ORDER BY seq",
            "SELECT name, paused_at FROM dutiful_queue ORDER BY name",
            "SELECT name, paused_at, number FROM dutiful_schedule ORDER BY name",
        )
    ]


@pytest.mark.parametrize("kind", ["threaded", "on_loop"])
@pytest.mark.parametrize("call", CALLS)
async def test_a_change_is_refused_at_once(
    path: Path, shop: tuple[App, dict[str, str]], call: str, kind: str
) -> None:
    app, _ = shop
    before, began = picture(path), monotonic()
    job = await app.tasks[kind].aenqueue(call)
    await burst(app)
    assert monotonic() - began < AT_ONCE_SECONDS
    (error,) = await errors(app, job.id)
    assert error.type.endswith("UsageError")
    assert "inside ctx.transaction()" in error.message
    assert "before or after the `with` block" in error.message
    assert picture(path) == before


async def test_what_moves_jobs_is_refused_too(engine: SqliteEngine) -> None:
    (claim,) = await claimed(engine)
    transaction = engine.transactional.transaction(claim)
    transaction.begin()
    for write in (
        engine.importer.fill(()),
        engine.importer.drop(()),
        engine.importer.raise_fence_floor(1),
        engine.exporter.shut(("q",), "other"),
        engine.exporter.reopen(("q",), "other"),
        engine.importer.fill_schedules((), "other"),
        engine.importer.reopen_schedules((), "other"),
        engine.retention.prune(State.DEAD, 0, 10),
        engine.schedules.declare("app", "1", ()),
    ):
        with pytest.raises(UsageError, match="before or after the `with` block"):
            await write
    transaction.rollback()
    assert await engine.retention.prune(State.DEAD, 0, 10) == 0


async def test_the_workers_services_wait_for_a_tasks_transaction(engine: SqliteEngine) -> None:
    """They run in contexts of their own, and only the task's own code is refused."""
    one, two = await claimed(engine, 2)
    await engine.consumer.exchange(
        "w1", [settled(two, Failed("ValueError", "no", retryable=False))], None
    )
    transaction = engine.transactional.transaction(one)
    contextvars.copy_context().run(transaction.begin)
    pruning = asyncio.create_task(engine.retention.prune(State.DEAD, 0, 10))
    declaring = asyncio.create_task(engine.schedules.declare("app", "1", ()))
    await asyncio.sleep(0.1)
    assert not pruning.done()
    assert not declaring.done()
    transaction.rollback()
    assert await pruning == 1
    assert (await declaring).rules


async def test_the_file_counts_and_not_who_opened_it(engine: SqliteEngine, path: Path) -> None:
    (claim,) = await claimed(engine)
    same, other = SqliteEngine(path), SqliteEngine(path.with_name("other.db"))
    await same.open()
    await other.open()
    transaction = engine.transactional.transaction(claim)
    transaction.begin()
    with pytest.raises(UsageError, match="before or after the `with` block"):
        await same.controller.pause("mail")
    await other.controller.pause("mail")
    transaction.rollback()
    await same.controller.pause("mail")
    await same.close()
    await other.close()
