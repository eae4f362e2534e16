"""A claim that starts behind a place of the line gives what one from the head gives."""

import asyncio

import psycopg

from dutiful.core.outcome import Released
from dutiful.engines.postgres import PostgresEngine
from dutiful.testing.conformance.moves import add, end, look, one, take

BEFORE_ALL = (-1000, 0, 0)


def behind(engine: PostgresEngine, place: tuple[int, int, int] = BEFORE_ALL) -> None:
    """Let the next claims start behind a place, as after a walk that took long."""
    cursors = engine.session.claim_cursors
    cursor = cursors.of_queue("default")
    cursor.learn(None, 90_000, 1000, place, cursors.ticks())
    assert cursor.start(cursors.ticks()) == place


async def test_the_most_urgent_come_first_and_are_claimed(engine: PostgresEngine) -> None:
    behind(engine)
    first, second = await add(engine), await add(engine)
    urgent = await add(engine, priority=5)
    other = await add(engine, queue="other")
    claims = await take(engine, 2)
    assert [claim.job.id for claim in claims] == [urgent, first]
    for claim in claims:
        assert await look(engine, claim.job.id) == claim.job
        assert (claim.job.attempt, claim.job.worker) == (1, "w1")
    assert [claim.job.id for claim in await take(engine)] == [second]
    assert (await look(engine, other)).state.word == "queued"


async def test_the_fence_lies_above_the_floor_and_goes_on_growing(engine: PostgresEngine) -> None:
    with psycopg.connect(engine.session.address.conninfo) as server:
        ((floor,),) = server.execute("select floor from dutiful.fence").fetchall()
    await add(engine)
    for more in (1, 2, 3):
        behind(engine)
        claim = await one(engine)
        assert (claim.job.attempt, claim.job.fence) == (1, floor + more)
        assert await end(engine, claim, Released())


async def test_what_stands_before_the_place_is_left_for_a_later_walk(
    engine: PostgresEngine,
) -> None:
    urgent, first, second = await add(engine, priority=9), await add(engine), await add(engine)
    with psycopg.connect(engine.session.address.conninfo) as server:
        (place,) = server.execute(
            "select -priority, run_at, seq from dutiful.job where id = %s", (first,)
        ).fetchall()
    behind(engine, place)
    assert [claim.job.id for claim in await take(engine, 5)] == [second]
    assert (await look(engine, urgent)).state.word == "queued"


async def test_a_locked_job_is_passed_over(engine: PostgresEngine) -> None:
    behind(engine)
    ids = [await add(engine), await add(engine)]
    with psycopg.connect(engine.session.address.conninfo) as other:
        other.execute("select from dutiful.job where id = %s for update", (ids[0],))
        async with asyncio.timeout(60):
            assert [claim.job.id for claim in await take(engine, 2)] == ids[1:]
