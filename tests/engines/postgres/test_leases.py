"""A worker is declared lost by the renewal that it was judged by, and holds up no other."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

import psycopg
import pytest

from dutiful.contract.statement import Plan, Statement
from dutiful.engines.postgres import PostgresEngine
from dutiful.testing.conformance.moves import hand


async def test_who_renews_after_it_was_judged_is_not_lost(
    engine: PostgresEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    once = engine.session.apool.once

    async def renewing(plan: Callable[[], Plan[Any]], *, writes: bool = False) -> Any:
        """Run each statement by itself, with a renewal after it."""
        steps = plan()
        statement = next(steps)
        while True:
            result = await once(partial(_one, statement), writes=writes)
            assert (await engine.renew("w1")).valid
            try:
                statement = steps.send(result)
            except StopIteration as end:
                return end.value

    with monkeypatch.context() as patch:
        patch.setattr(engine.session.apool, "once", renewing)
        assert await engine.expire(["w1"]) == ()
    assert (await engine.renew("w1")).valid
    assert await engine.expire(["w1"]) == ("w1",)


async def test_a_locked_worker_keeps_nobody_from_judging_the_others(
    engine: PostgresEngine, postgres_database: str
) -> None:
    await engine.join(hand("w2"))
    with psycopg.connect(postgres_database) as other:
        other.execute("select from dutiful.worker where id = 'w1' for update")
        async with asyncio.timeout(20):
            assert await engine.expire(["w1", "w2"]) == ("w2",)
    assert await engine.expire(["w1", "w2"]) == ("w1",)


def _one(statement: Statement) -> Plan[Any]:
    return (yield statement)
