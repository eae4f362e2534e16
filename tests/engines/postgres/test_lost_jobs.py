"""After a failover to a standby that lagged, a new job may get the place of one that was lost."""

import psycopg
import pytest

from dutiful.core.job import Claim
from dutiful.core.outcome import Crashed, Discarded, Failed, Outcome, Snoozed, Succeeded
from dutiful.core.state import State
from dutiful.engines.postgres import PostgresEngine
from dutiful.testing.conformance.moves import add, end, look, one


async def replaced(engine: PostgresEngine, url: str) -> tuple[Claim, Claim]:
    """Return the claim on a job that the server has lost, and that on the job in its place."""
    await add(engine)
    lost = await one(engine)
    with psycopg.connect(url, autocommit=True) as server:
        gone = server.execute("DELETE FROM dutiful.job RETURNING seq").fetchone()
        server.execute("ALTER SEQUENCE dutiful.job_seq_seq RESTART")
        await add(engine)
        found = await one(engine)
        assert server.execute("SELECT seq FROM dutiful.job").fetchone() == gone
    assert found.job.id != lost.job.id
    assert found.job.fence == lost.job.fence
    return lost, found


@pytest.mark.parametrize(
    "outcome",
    [Succeeded(b"1"), Failed("E", "x"), Discarded("x"), Snoozed(1), Crashed("gone")],
    ids=lambda outcome: type(outcome).__name__,
)
async def test_its_end_does_not_end_the_new_one(
    engine: PostgresEngine, postgres_database: str, outcome: Outcome
) -> None:
    lost, found = await replaced(engine, postgres_database)
    assert not await end(engine, lost, outcome)
    assert await look(engine, found.job.id) == found.job
    assert await engine.inspector.errors(found.job.id) == ()
    assert await end(engine, found, Succeeded(b"2"))
    assert (await look(engine, found.job.id)).result == b"2"


async def test_its_steps_are_not_those_of_the_new_one(
    engine: PostgresEngine, postgres_database: str
) -> None:
    lost, found = await replaced(engine, postgres_database)
    assert not await engine.consumer.record_step(lost, "charge", b"1")
    assert await engine.inspector.steps(found.job.id) == {}
    assert await engine.consumer.record_step(found, "charge", b"2")
    assert await engine.inspector.steps(found.job.id) == {"charge": b"2"}
    assert (await look(engine, found.job.id)).state is State.RUNNING
