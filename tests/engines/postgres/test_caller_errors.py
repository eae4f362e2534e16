"""What a server refuses on a caller's connection is told alike, whatever the library."""

import asyncio
from typing import Any

import asyncpg
import psycopg
import pytest

from dutiful.core.errors import (
    BadPayload,
    EngineUnavailable,
    SchemaMismatch,
    StoreUnusable,
    UsageError,
)
from dutiful.engines.postgres import PostgresEngine
from dutiful.engines.postgres.connections.errors import Contended
from dutiful.testing.conformance.moves import new
from tests.engines.postgres.ways import WAYS

STATES: dict[str, tuple[type[Exception], str]] = {
    "40001": (Contended, "roll it back and run it again"),
    "42501": (StoreUnusable, "the role lacks a right"),
    "42P01": (StoreUnusable, "run `dutiful migrate`"),
    "42703": (SchemaMismatch, "run `dutiful migrate`"),
    "23514": (BadPayload, "give another"),
}
KINDS = ("psycopg", "asyncpg", "sqlalchemy", "sqlalchemy-psycopg2", "sqlalchemy-async-session")


def trip(url: str, body: str) -> None:
    """Let every insertion of a job do something first."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            f"CREATE FUNCTION public.trip() RETURNS trigger LANGUAGE plpgsql "
            f"AS 'BEGIN {body}; RETURN NEW; END'".encode()
        )
        connection.execute(
            "CREATE TRIGGER trip BEFORE INSERT ON dutiful.job FOR EACH ROW "
            "EXECUTE FUNCTION public.trip()"
        )


async def refusal(engine: PostgresEngine, url: str, kind: str) -> Exception:
    way = WAYS[kind](engine, url, "READ COMMITTED", read_only=False)
    await way.begin()
    try:
        with pytest.raises(Exception) as caught:  # noqa: PT011 - its type is what is asked for
            await way.enqueue(new())
    finally:
        await way.close()
    return caught.value


@pytest.mark.parametrize("state", STATES)
async def test_a_code_means_the_same_by_every_way(
    engine: PostgresEngine, postgres_database: str, state: str
) -> None:
    trip(postgres_database, f"RAISE EXCEPTION ''a NULL was met'' USING ERRCODE = ''{state}''")
    kind, advice = STATES[state]
    for way in KINDS:
        error = await refusal(engine, postgres_database, way)
        assert type(error) is kind, way
        assert advice in str(error), way


@pytest.mark.parametrize("kind", ["asyncpg", "asyncpg-pool"])
async def test_a_session_that_is_killed_meanwhile_is_told_as_ours(
    engine: PostgresEngine, postgres_database: str, kind: str
) -> None:
    trip(postgres_database, "PERFORM pg_terminate_backend(pg_backend_pid())")
    error = await refusal(engine, postgres_database, kind)
    assert type(error) is EngineUnavailable
    assert "terminating connection" in str(error)


async def test_an_asyncpg_connection_that_is_busy_or_released_is_refused(
    engine: PostgresEngine, postgres_database: str
) -> None:
    async with asyncpg.create_pool(postgres_database, min_size=1) as pool:
        connection: Any = await pool.acquire()
        async with connection.transaction():
            sleeping = asyncio.create_task(connection.execute("SELECT pg_sleep(1)"))
            await asyncio.sleep(0)
            with pytest.raises(UsageError, match="another operation"):
                await engine.caller_producer.aenqueue_on(connection, [new()])
            await sleeping
            with pytest.raises(BadPayload):
                await engine.caller_producer.aenqueue_on(connection, [new(priority=1 << 70)])
            await engine.caller_producer.aenqueue_on(connection, [new()])
        await pool.release(connection)
        with pytest.raises(UsageError, match="released"):
            await engine.caller_producer.aenqueue_on(connection, [new()])
