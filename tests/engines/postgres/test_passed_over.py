"""A row that another session has locked is passed over, holds up no other, and is found later."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest

from dutiful.core.outcome import Succeeded
from dutiful.core.state import State
from dutiful.engines.postgres import PostgresEngine
from dutiful.testing.conformance.moves import add, end, hand, kill, one, take

Locked = Callable[[str, str], Any]


@pytest.fixture
def locked(postgres_database: str) -> Locked:
    """Hold the row of a table for the length of a block."""

    @contextmanager
    def lock(table: str, row: str) -> Iterator[None]:
        with psycopg.connect(postgres_database) as other:
            other.execute(f"select from dutiful.{table} where id = '{row}' for update".encode())
            yield

    return lock


async def test_by_a_claim(engine: PostgresEngine, locked: Locked) -> None:
    ids = [await add(engine), await add(engine)]
    with locked("job", ids[0]):
        async with asyncio.timeout(60):
            assert [claim.job.id for claim in await take(engine, 2)] == ids[1:]
    assert [claim.job.id for claim in await take(engine, 2)] == ids[:1]


async def test_when_jobs_become_due(engine: PostgresEngine, locked: Locked) -> None:
    ids = [await add(engine, run_at=at) for at in (1_000, 2_000)]
    with psycopg.connect(engine.session.address.conninfo) as server:
        server.execute("update dutiful.job set state = 0")
    with locked("job", ids[0]):
        async with asyncio.timeout(60):
            assert [claim.job.id for claim in await take(engine, 2)] == ids[1:]
    assert [claim.job.id for claim in await take(engine, 2)] == ids[:1]


async def test_by_a_prune(engine: PostgresEngine, locked: Locked) -> None:
    ids = [await kill(engine), await kill(engine)]
    with locked("job", ids[0]):
        async with asyncio.timeout(60):
            assert await engine.retention.prune(State.DEAD, 0, 10) == 1
    assert await engine.retention.prune(State.DEAD, 0, 10) == 1


async def test_when_lost_workers_are_forgotten(engine: PostgresEngine, locked: Locked) -> None:
    await engine.fleet.join(hand("w2"))
    await add(engine)
    assert await end(engine, await one(engine), Succeeded())
    await engine.fleet.expire(["w1", "w2"])
    with locked("worker", "w1"):
        async with asyncio.timeout(60):
            await engine.fleet.abandoned(10)
        assert [status.info.id for status in await engine.fleet.workers()] == ["w1"]
    await engine.fleet.abandoned(10)
    assert await engine.fleet.workers() == ()
