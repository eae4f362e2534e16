"""What is due and locked by others makes nobody look for it all the time."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest

from dutiful import App
from dutiful.contract.roles.consumer import Wanted
from dutiful.engines.postgres import PostgresEngine
from dutiful.testing.conformance.moves import add
from tests.worker.support import ended, serving

SECONDS = 3.0
PER_SECOND_MOST = 25


@contextmanager
def due_and_locked(url: str, queue: str) -> Iterator[psycopg.Connection]:
    """Make the jobs of a queue due, and hold the row of the first."""
    with psycopg.connect(url) as other:
        other.execute("update dutiful.job set state = 0, run_at = 1 where queue = %s", (queue,))
        other.commit()
        other.execute("select from dutiful.job where queue = %s for update", (queue,))
        yield other
        other.rollback()


@pytest.mark.slow
@pytest.mark.parametrize("queue", ["default", "other"])
async def test_an_idle_worker_pauses(postgres_database: str, queue: str) -> None:
    app = App(postgres_database)

    @app.task
    async def good() -> None:
        """Do nothing."""

    async with app:
        held = (await good.using(queue=queue).aenqueue()).id
        with due_and_locked(postgres_database, queue):
            async with serving(app):
                await asyncio.sleep(2)
                before = _transactions(postgres_database)
                await asyncio.sleep(SECONDS)
                rate = (_transactions(postgres_database) - before) / SECONDS
                print(f"{rate:.0f} transactions a second")
                assert rate < PER_SECOND_MOST
                async with asyncio.timeout(1.0):  # other work is not delayed
                    await ended(app, (await good.aenqueue()).id)
                async with asyncio.timeout(2.0):
                    await ended(app, (await good.using(delay="500ms").aenqueue()).id)
        if queue == "default":
            async with serving(app):
                await ended(app, held)


async def test_pauses_grow_and_end(engine: PostgresEngine) -> None:
    await add(engine)
    await add(engine)
    url = engine.session.address.conninfo
    ticks = [0]
    engine.session.claim_cursors.ticks = lambda: ticks[0]
    pauses: list[int | None] = []
    with due_and_locked(url, "default"):
        for _ in range(7):
            answer = await engine.consumer.exchange("w1", [], Wanted(("default",), 1))
            assert not answer.claims
            pauses.append(answer.due_in)
            ticks[0] += answer.due_in or 0
        assert pauses == [50_000, 100_000, 200_000, 400_000, 800_000, 1_000_000, 1_000_000]
        with psycopg.connect(url) as other:
            other.execute(
                "insert into dutiful.job (id, task, queue, state, priority, args, max_attempts, "
                "enqueued_at, run_at) select 'later', 'noop', 'default', 0, 0, '{}', 1, 1, "
                "extract(epoch from clock_timestamp()) * 1e6 + 500000"
            )
        due_in = (await engine.consumer.exchange("w1", [], Wanted(("default",), 1))).due_in
        assert due_in is not None
        assert 0 < due_in <= 500_000
    answer = await engine.consumer.exchange("w1", [], Wanted(("default",), 2))
    assert len(answer.claims) == 2


def _transactions(url: str) -> int:
    with psycopg.connect(url) as server:
        server.execute("select pg_stat_force_next_flush()")
        row = server.execute(
            "select xact_commit + xact_rollback from pg_stat_database "
            "where datname = current_database()"
        ).fetchone()
    assert row is not None
    return int(row[0])
