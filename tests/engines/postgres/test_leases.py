"""A worker is declared lost by the renewal that it was judged by; a renewal tells of trouble."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

import psycopg
import pytest

from dutiful.core.instant import SECOND
from dutiful.engines._sql.statement import Plan, Statement
from dutiful.engines.postgres import PostgresEngine
from dutiful.testing.clock import FakeClock
from dutiful.testing.conformance.moves import add, hand, one


async def test_who_renews_after_it_was_judged_is_not_lost(
    engine: PostgresEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    once = engine.session.async_query_pool.once

    async def renewing(plan: Callable[[], Plan[Any]], *, writes: bool = False) -> Any:
        """Run each statement by itself, with a renewal after it."""
        steps = plan()
        statement = next(steps)
        while True:
            result = await once(partial(_one, statement), writes=writes)
            assert (await engine.leases.renew("w1")).valid
            try:
                statement = steps.send(result)
            except StopIteration as end:
                return end.value

    with monkeypatch.context() as patch:
        patch.setattr(engine.session.async_query_pool, "once", renewing)
        assert await engine.fleet.expire(["w1"]) == ()
    assert (await engine.leases.renew("w1")).valid
    assert await engine.fleet.expire(["w1"]) == ("w1",)


async def test_a_locked_worker_keeps_nobody_from_judging_the_others(
    engine: PostgresEngine, postgres_database: str
) -> None:
    await engine.fleet.join(hand("w2"))
    with psycopg.connect(postgres_database) as other:
        other.execute("select from dutiful.worker where id = 'w1' for update")
        async with asyncio.timeout(60):
            assert await engine.fleet.expire(["w1", "w2"]) == ("w2",)
    assert await engine.fleet.expire(["w1", "w2"]) == ("w1",)


async def test_all_is_calm_while_every_running_job_has_a_worker(engine: PostgresEngine) -> None:
    await engine.fleet.join(hand("w2"))
    await add(engine)
    await add(engine)
    await one(engine)  # the other belongs to nobody
    assert (await engine.leases.renew("w2")).calm
    await engine.fleet.leave("w1")
    assert not (await engine.leases.renew("w2")).calm


async def test_who_has_no_job_asks_about_jobs_once_though_others_have_some(
    engine: PostgresEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    await engine.fleet.join(hand("w2"))
    await add(engine)
    await one(engine)
    asked: list[str] = []
    review = engine.leases._review

    def noted(worker: str, fleet: int) -> Plan[Any]:
        asked.append(worker)
        return review(worker, fleet)

    monkeypatch.setattr(engine.leases, "_review", noted)
    for _ in range(3):
        for worker in ("w1", "w2"):
            assert (await engine.leases.renew(worker)).valid
    assert asked == ["w1", "w2", "w1", "w1"]


async def test_all_is_calm_while_no_worker_is_lost(engine: PostgresEngine) -> None:
    await engine.fleet.join(hand("w2"))
    assert (await engine.leases.renew("w2")).calm
    await engine.fleet.expire(["w1"])
    assert not (await engine.leases.renew("w2")).calm


async def test_all_is_calm_while_no_loop_hangs(engine: PostgresEngine) -> None:
    await engine.fleet.join(hand("w2"))
    await engine.leases.renew("w1", stalled_for=1)
    assert not (await engine.leases.renew("w2")).calm
    await engine.leases.renew("w1")
    assert (await engine.leases.renew("w2")).calm


@pytest.mark.parametrize(("silent", "calm"), [(5 * SECOND, True), (5 * SECOND + 1, False)])
@pytest.mark.parametrize("way", [1, -1])
async def test_all_is_calm_while_no_worker_is_silent_for_half_its_lease(
    postgres_database: str, silent: int, calm: bool, way: int
) -> None:
    """Also where its renewal lies ahead, as after a step of the server's clock."""
    clock = FakeClock()
    engine = PostgresEngine(postgres_database, clock=clock)
    await engine.open()
    await engine.fleet.join(hand("w1", lease=10 * SECOND))
    await engine.fleet.join(hand("w2", lease=10 * SECOND))
    with psycopg.connect(postgres_database) as server:
        set_back = "update dutiful.worker set renewed_at = renewed_at - %s where id = 'w1'"
        server.execute(set_back, (way * silent,))
    assert (await engine.leases.renew("w2")).calm is calm
    await engine.close()


def _one(statement: Statement) -> Plan[Any]:
    return (yield statement)
