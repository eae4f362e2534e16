"""A store whose sequence did not come along is refused before two jobs share a number."""

from typing import Any
from urllib.parse import urlencode

import psycopg
import pytest

from dutiful.core.errors import StoreUnusable
from dutiful.engines.postgres import PostgresEngine
from dutiful.engines.postgres.statements import quoted
from dutiful.testing.conformance.moves import add

FINE = (True, "each new job gets a number of its own")


def run(url: str, statement: Any, *params: str) -> None:
    with psycopg.connect(url, autocommit=True) as server:
        server.execute(statement, params)


def set_back(url: str, schema: str) -> None:
    """Do what a copy by logical replication does: it begins at the first number."""
    table = f"{quoted(schema)}.job"
    run(url, "SELECT setval(pg_get_serial_sequence(%s, 'seq'), 1, false)", table)


async def verdict(engine: PostgresEngine) -> tuple[bool, str]:
    (found,) = [one for one in await engine.check() if one.name == "numbers"]
    return found.ok, found.text


@pytest.mark.parametrize("schema", ["dutiful", "Some\"body's"])
async def test_a_sequence_that_lies_behind_is_refused_and_the_advice_mends_it(
    postgres_database: str, schema: str
) -> None:
    url = f"{postgres_database}?{urlencode({'schema': schema})}"
    engine, other = PostgresEngine(url), PostgresEngine(url)
    await engine.open()
    assert await verdict(engine) == FINE
    for _ in range(3):
        await add(engine)
    set_back(postgres_database, schema)
    with pytest.raises(StoreUnusable, match="number 3 and the next one would get 1") as refused:
        await other.open()
    ok, text = await verdict(engine)
    assert (ok, text in str(refused.value)) == (False, True)
    run(postgres_database, text.partition("run ")[2])
    await other.open()
    await add(other)
    assert await verdict(other) == FINE
    await engine.close()
    await other.close()


async def test_a_store_without_jobs_is_opened_wherever_its_sequence_is(
    engine: PostgresEngine, postgres_database: str
) -> None:
    set_back(postgres_database, "dutiful")
    other = PostgresEngine(postgres_database)
    await other.open()
    await add(other)
    assert await verdict(engine) == FINE
    await other.close()
