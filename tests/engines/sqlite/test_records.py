"""Nothing is left of a job that is deleted: its place in the file is given to another."""

import sqlite3
from pathlib import Path

import pytest

from dutiful.core.outcome import Discarded
from dutiful.core.state import State
from dutiful.engines.sqlite import SqliteEngine
from dutiful.testing import FakeClock
from dutiful.testing.conformance.moves import add, end, hand, one


@pytest.mark.parametrize("verb", ["prune", "purge", "drop"])
async def test_nothing_is_left_of_a_job_that_is_deleted(tmp_path: Path, verb: str) -> None:
    clock, path = FakeClock(), tmp_path / "jobs.db"
    engine = SqliteEngine(path, clock=clock)
    await engine.open()
    await engine.fleet.join(hand("w1"))
    job_id = await add(engine)
    claim = await one(engine)
    assert await engine.consumer.record_step(claim, "charge", b"1")
    assert await end(engine, claim, Discarded("no use"))
    clock.advance("1s")
    if verb == "prune":
        assert await engine.retention.prune(State.DEAD, 0, 10) == 1
    elif verb == "purge":
        await engine.controller.purge([job_id])
    else:
        await engine.importer.drop(await engine.inspector.get([job_id]))
    other = await add(engine)
    assert (await one(engine)).steps == {}
    assert await engine.inspector.steps(other) == {}
    assert await engine.inspector.errors(other) == ()
    await engine.close()
    connection = sqlite3.connect(path)
    for table in ("dutiful_step", "dutiful_failure"):
        count = f"SELECT count(*) FROM {table}"  # noqa: S608 - constants
        assert connection.execute(count).fetchone() == (0,)
    connection.close()
