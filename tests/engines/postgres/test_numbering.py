"""A store whose sequence did not come along is refused before two jobs share a number."""

import psycopg
import pytest

from dutiful.core.errors import StoreUnusable
from dutiful.engines.postgres import PostgresEngine
from dutiful.testing.conformance.moves import add

BACK = "SELECT setval('dutiful.job_seq_seq', 1, false)"


def runs(url: str, statement: str) -> None:
    with psycopg.connect(url, autocommit=True) as server:
        server.execute(statement)  # type: ignore[call-overload]  # it is the product's own advice


async def verdict(engine: PostgresEngine) -> tuple[bool, str]:
    (found,) = [one for one in await engine.check() if one.name == "numbers"]
    return found.ok, found.text


async def test_a_sequence_that_lies_behind_is_refused_and_the_advice_mends_it(
    engine: PostgresEngine, postgres_database: str
) -> None:
    assert await verdict(engine) == (True, "each new job gets a number of its own")
    for _ in range(3):
        await add(engine)
    runs(postgres_database, BACK)
    other = PostgresEngine(postgres_database)
    with pytest.raises(StoreUnusable, match="number 3 and the next one would get 1") as refused:
        await other.open()
    fine, detail = await verdict(engine)
    assert (fine, detail in str(refused.value)) == (False, True)
    runs(postgres_database, detail.partition("run ")[2])
    await other.open()
    await add(other)
    assert await verdict(other) == (True, "each new job gets a number of its own")
    await other.close()


async def test_a_store_without_jobs_is_opened_wherever_its_sequence_is(
    engine: PostgresEngine, postgres_database: str
) -> None:
    runs(postgres_database, BACK)
    other = PostgresEngine(f"{postgres_database}?schema=Second one")
    await other.open()
    await add(other)
    await other.close()
    again = PostgresEngine(postgres_database)
    await again.open()
    await again.close()
