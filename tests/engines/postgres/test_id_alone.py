"""A store whose jobs have a key on their place goes on at each step to one without."""

from collections.abc import AsyncIterator

import psycopg
import pytest

from dutiful.contract.page import Filter
from dutiful.core.job import Claim
from dutiful.core.outcome import Discarded
from dutiful.core.state import State
from dutiful.engines.postgres import PostgresEngine
from dutiful.engines.postgres.connections.address import address_of
from dutiful.engines.postgres.schema.migration import migrate
from dutiful.engines.postgres.statements import Texts, shipped
from dutiful.testing.conformance.moves import add, end, everything, hand, take

KEYS = """
SELECT class.relname, indisprimary FROM pg_index JOIN pg_class AS class ON class.oid = indexrelid
WHERE indrelid = 'dutiful.job'::regclass AND indisunique ORDER BY 1
"""


@pytest.fixture
async def engine(postgres_database: str) -> AsyncIterator[PostgresEngine]:
    address = address_of(postgres_database)
    migrate(address, Texts(address.schema, shipped()[:4]))
    engine = PostgresEngine(postgres_database)
    await engine.open()
    await engine.fleet.join(hand("w1"))
    yield engine
    await engine.close()


async def test_it_goes_on_at_each_step(engine: PostgresEngine, postgres_database: str) -> None:
    ids = [await add(engine) for _ in range(6)]
    claims = list(await take(engine, 6))
    await served(engine, ids, claims)
    assert await indexes(engine) == "missing or invalid: job_dead_id"
    made = ("0005_dead_by_id", "0012_step_key", "0013_failure_key")  # w1 is of another release
    assert await engine.schema.migrate() == tuple(f"{name}.concurrently" for name in made)
    await served(engine, ids, claims)
    assert await indexes(engine) == "all there"
    taken = ("0006_id_alone.contract", "0014_records_by_id.contract", "0019_listener.contract")
    assert await engine.schema.migrate(contract=True) == taken
    await served(engine, ids, claims)
    assert await indexes(engine) == "all there"
    with psycopg.connect(postgres_database) as server:
        assert server.execute(KEYS).fetchall() == [("job_id", True), ("job_unique", False)]


async def served(engine: PostgresEngine, ids: list[str], claims: list[Claim]) -> None:
    """Let the newest of the jobs that run die, and look at them all."""
    claim = claims.pop()
    assert await engine.consumer.record_step(claim, "charge", b"1")
    assert await end(engine, claim, Discarded("no use"))
    assert await engine.inspector.steps(claim.job.id) == {"charge": b"1"}
    assert [error.message for error in await engine.inspector.errors(claim.job.id)] == ["no use"]
    assert [job.id for job in await everything(engine)] == ids[::-1]
    dead = (await engine.inspector.find(Filter(states=(State.DEAD,)), 10)).jobs
    assert [job.id for job in dead] == ids[: len(claims) - 1 : -1]


async def indexes(engine: PostgresEngine) -> str:
    (finding,) = [finding for finding in await engine.check() if finding.name == "indexes"]
    return finding.text
