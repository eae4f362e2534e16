"""A session that has forgotten what was prepared is replaced, and nobody hears of it."""

import asyncio
from concurrent.futures import Future
from typing import Any

import psycopg
import pytest

from dutiful.core.errors import EngineUnavailable
from dutiful.core.outcome import Succeeded
from dutiful.engines.postgres import PostgresEngine
from dutiful.engines.postgres.connections import heartbeat_connection
from dutiful.engines.postgres.connections.connection import connect
from dutiful.engines.postgres.connections.errors import translate_error
from dutiful.testing.conformance.moves import add, end, new, one

FORGETS = (b"DISCARD ALL", b"DEALLOCATE ALL")


@pytest.mark.parametrize("forget", FORGETS)
async def test_the_next_call_goes_on(engine: PostgresEngine, forget: bytes) -> None:
    for _ in range(6):  # often enough for the driver to prepare
        engine.sync_producer.enqueue_sync([new()])
        await add(engine)
        assert await end(engine, await one(engine), Succeeded())
        await engine.leases.renew("w1")
    # By way of the library below the driver, which would else have noticed.
    with engine.session.pool.connection() as connection:
        connection.pgconn.exec_(forget)
    awaited = await engine.session.async_query_pool.take()
    awaited.pgconn.exec_(forget)
    await engine.session.async_query_pool.give_back(awaited)
    assert engine.sync_producer.enqueue_sync([new()])[0].created
    await add(engine)
    assert await end(engine, await one(engine), Succeeded())


async def test_a_lease_is_renewed_on_another_session(
    engine: PostgresEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    used: list[heartbeat_connection.Connection] = []

    def kept(*given: Any, **named: Any) -> heartbeat_connection.Connection:
        used.append(connect(*given, **named))
        return used[-1]

    monkeypatch.setattr(heartbeat_connection, "connect", kept)
    await engine.close()
    for _ in range(6):
        assert (await engine.leases.renew("w1")).valid
    forgotten = Future[Any]()
    # In its own thread, which listens on it: of two that read one connection, one waits
    # indefinitely.
    pulse = engine.session.heartbeat_connection
    pulse._calls.append((lambda mine: mine.pgconn.exec_(b"DISCARD ALL"), forgotten))
    pulse._wake_thread()
    await asyncio.wrap_future(forgotten)
    with pytest.raises(EngineUnavailable):
        await engine.leases.renew("w1")
    assert (await engine.leases.renew("w1")).valid
    assert len(used) == 2


def test_the_advice_says_what_may_be_behind_it() -> None:
    lost = psycopg.errors.InvalidSqlStatementName('prepared statement "_pg3_0" does not exist')
    said = str(translate_error(lost, "using the store"))
    assert "as after DISCARD ALL" in said
    assert "open another connection" in said
