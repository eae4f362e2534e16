"""A schema may have any name: none is read as a part of the statements that it is put into."""

import asyncio
import subprocess
from functools import partial
from urllib.parse import quote

import psycopg
import pytest
from sqlalchemy import create_engine
from sqlalchemy.ext.asyncio import create_async_engine

from dutiful.contract.page import Filter
from dutiful.contract.roles.consumer import Wanted
from dutiful.core.outcome import Failed, Succeeded
from dutiful.core.state import State
from dutiful.core.unique import unique
from dutiful.engines.postgres import PostgresEngine
from dutiful.engines.postgres.statements import Texts, quoted
from dutiful.servers.postgres import binaries
from dutiful.testing.conformance.moves import end, hand, new, one

NAMES = [
    "a$$b $dutiful$ {now} $1",
    'b"{channel}" {job} \\ it\'s {schema}',
    "c CONCURRENTLY 100%% %s -- {conditions}",
]


@pytest.fixture(params=NAMES)
def schema(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


async def test_a_job_lives_its_life_in_it(postgres_database: str, schema: str) -> None:
    engine = PostgresEngine(f"{postgres_database}?schema={quote(schema)}")
    await engine.open()
    await engine.fleet.join(hand("w1"))
    key = unique("key", on_conflict="replace")
    for job in (new(), new(unique=key), new(unique=key)):
        await engine.producer.enqueue([job])
    with psycopg.connect(postgres_database, autocommit=True) as connection:
        connection.execute("SET standard_conforming_strings = off")
        connection.execute(f"SELECT {quoted(schema)}.enqueue('noop')".encode())
    assert await end(engine, await one(engine), Failed("Error", "no"))
    assert await end(engine, await one(engine), Succeeded())
    page = await engine.inspector.find(
        Filter(states=(State.SUCCEEDED,), queues=("default",)), 5, None
    )
    assert len(page.jobs) == 1
    assert len((await engine.inspector.find(Filter(error_type="Error"), 5, None)).jobs) == 1
    await engine.consumer.wait(["default"], 0.05)
    assert len((await engine.consumer.exchange("w1", [], Wanted(("default",), 5))).claims) == 1
    assert all(finding.ok for finding in await engine.check() if finding.name != "horizon")
    await engine.close()


async def test_callers_enqueue_into_it(postgres_database: str, schema: str) -> None:
    engine = PostgresEngine(f"{postgres_database}?schema={quote(schema)}")
    await engine.open()
    url = postgres_database.partition("://")[2]
    plain = create_engine(f"postgresql+psycopg://{url}")
    with plain.begin() as connection:
        engine.caller_producer.enqueue_on(connection, [new(unique=unique("key"))])
    awaited = create_async_engine(f"postgresql+asyncpg://{url}")
    async with awaited.begin() as other:
        await engine.caller_producer.aenqueue_on(other, [new(unique=unique("other"))])
    with plain.begin() as connection:
        counting = Texts(schema).fill("SELECT count(*) FROM {schema}.job").replace("%", "%%")
        assert connection.exec_driver_sql(counting).scalar() == 2
    plain.dispose()
    await awaited.dispose()
    await engine.close()


async def test_its_script_runs(postgres_database: str, schema: str) -> None:
    engine = PostgresEngine(f"{postgres_database}?schema={quote(schema)}")
    command = [binaries() / "psql", "-X", "-v", "ON_ERROR_STOP=1", "-f", "-", postgres_database]
    script = await engine.schema.script()
    run = partial(subprocess.run, command, input=script, capture_output=True, text=True)
    done = await asyncio.to_thread(run)
    assert done.returncode == 0, done.stderr
    assert await engine.schema.migrate() == ()
    await engine.close()
