"""Errors and steps belong to a job by its id, also where two jobs share a place in the line."""

from typing import Any

import psycopg
import pytest

from dutiful.contract.page import Filter
from dutiful.core.outcome import Discarded, Released
from dutiful.core.state import State
from dutiful.engines.postgres import PostgresEngine
from dutiful.testing.conformance.moves import FAILED, add, end, hand, one


def execute(url: str, statement: Any, *params: object) -> list[Any]:
    with psycopg.connect(url, autocommit=True) as server:
        found = server.execute(statement, params)
        return found.fetchall() if found.description else []


def left(url: str) -> tuple[int, int]:
    text = "SELECT (SELECT count(*) FROM dutiful.step), (SELECT count(*) FROM dutiful.failure)"
    (counts,) = execute(url, text)
    return counts


async def died(engine: PostgresEngine, result: bytes) -> str:
    job_id = await add(engine)
    claim = await one(engine)
    assert claim.steps == {}
    assert await engine.consumer.record_step(claim, "charge", result)
    assert await end(engine, claim, Discarded(result.decode()))
    return job_id


@pytest.mark.parametrize("way", ["purge", "prune"])
async def test_two_jobs_of_one_place_share_nothing(
    engine: PostgresEngine, postgres_database: str, way: str
) -> None:
    await engine.fleet.join(hand("w1"))
    first = await died(engine, b"1")
    sequence = "SELECT setval(pg_get_serial_sequence('dutiful.job', 'seq'), 1, false)"
    execute(postgres_database, sequence)
    second = await died(engine, b"2")
    places = execute(postgres_database, "SELECT DISTINCT seq FROM dutiful.job")
    assert len(places) == 1
    for job_id, result in ((first, b"1"), (second, b"2")):
        assert await engine.inspector.steps(job_id) == {"charge": result}
        assert [error.message for error in await engine.inspector.errors(job_id)] == [
            result.decode()
        ]
        (record,) = await engine.importer.fetch([job_id])
        assert record.steps == {"charge": result}
        assert len(record.errors) == 1
    (group,) = await engine.inspector.dead_groups()
    assert group.count == 2
    found = await engine.inspector.find(Filter(states=(State.DEAD,), error_type="Discard"), 10)
    assert len(found.jobs) == 2
    if way == "purge":
        assert await engine.controller.purge([first]) == (first,)
    else:
        execute(postgres_database, "UPDATE dutiful.job SET finished_at = 1 WHERE id = %s", first)
        assert await engine.retention.prune(State.DEAD, 60_000_000, 10) == 1
    assert await engine.inspector.steps(second) == {"charge": b"2"}
    assert len(await engine.inspector.errors(second)) == 1
    assert left(postgres_database) == (1, 1)


async def test_what_an_older_release_wrote_is_kept_by_the_place(
    engine: PostgresEngine, postgres_database: str
) -> None:
    await engine.fleet.join(hand("w1"))
    job_id = await add(engine)
    claim = await one(engine)
    assert await engine.consumer.record_step(claim, "charge", b"1")
    assert await end(engine, claim, FAILED)
    for table in ("step", "failure"):
        text = f"UPDATE dutiful.{table} SET job_id = ''"  # noqa: S608 - a constant
        execute(postgres_database, text)
    assert await engine.inspector.steps(job_id) == {"charge": b"1"}
    assert len(await engine.inspector.errors(job_id)) == 1
    await engine.controller.run_now([job_id])
    claim = await one(engine)
    assert claim.steps == {"charge": b"1"}
    assert await end(engine, claim, Released())
    (job,) = await engine.inspector.get([job_id])
    assert await engine.importer.drop([job]) == (job_id,)
    assert left(postgres_database) == (0, 0)


@pytest.mark.parametrize("verb", ["prune", "purge", "drop"])
async def test_nothing_is_left_of_a_job_that_is_deleted(
    engine: PostgresEngine, postgres_database: str, verb: str
) -> None:
    await engine.fleet.join(hand("w1"))
    job_id = await died(engine, b"1")
    assert left(postgres_database) == (1, 1)
    if verb == "prune":
        execute(postgres_database, "UPDATE dutiful.job SET finished_at = 1")
        assert await engine.retention.prune(State.DEAD, 1_000_000, 10) == 1
    elif verb == "purge":
        await engine.controller.purge([job_id])
    else:
        await engine.importer.drop(await engine.inspector.get([job_id]))
    assert left(postgres_database) == (0, 0)


@pytest.mark.parametrize("way", ["purge", "prune"])
async def test_records_without_an_id_go_with_the_job_of_their_place_alone(
    engine: PostgresEngine, postgres_database: str, way: str
) -> None:
    """Older releases wrote none."""
    gone, stays = await died(engine, b"1"), await died(engine, b"2")
    for table in ("step", "failure"):
        text = f"UPDATE dutiful.{table} SET job_id = ''"  # noqa: S608 - a constant
        execute(postgres_database, text)
    if way == "purge":
        assert await engine.controller.purge([gone]) == (gone,)
    else:
        assert await engine.retention.prune(State.DEAD, -60_000_000, 1) == 1
    assert left(postgres_database) == (1, 1)
    assert [job.id for job in await engine.inspector.get([gone, stays])] == [stays]
