"""Whoever locks several jobs or keys does so in one order, so that nobody stands in a ring."""

import asyncio
import random
import threading

import psycopg
import pytest

from dutiful import App, unique
from dutiful.core.errors import EngineError
from dutiful.core.instant import HOUR
from dutiful.core.job import Claim, stamp
from dutiful.core.outcome import Failed, Outcome, Released, Succeeded
from dutiful.core.unique import Conflict
from dutiful.engines.postgres import PostgresEngine
from dutiful.engines.postgres.connections.connection import connect, executor
from dutiful.engines.postgres.settling import settle
from dutiful.engines.postgres.statements import Texts
from dutiful.testing.conformance.moves import add, ending, new, take

WAITING = """
SELECT pid FROM pg_stat_activity
WHERE datname = current_database() AND wait_event_type = 'Lock'
"""
LOCK = "SELECT id FROM dutiful.job WHERE id = ANY (%s) FOR UPDATE"
DEADLOCKS = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"


@pytest.mark.parametrize("conflict", ["existing", "replace"])
async def test_batches_of_the_same_keys_in_any_order(
    postgres_database: str, conflict: Conflict
) -> None:
    app = App(f"{postgres_database}?connections=6")

    @app.task
    def charge(order: int) -> None: ...

    await app.open()
    failed: list[EngineError] = []

    def enqueue(seed: int) -> None:
        dice = random.Random(seed)
        for _ in range(4):
            rules = [unique(f"order:{n}", on_conflict=conflict) for n in dice.sample(range(20), 15)]
            try:
                app.enqueue_many([charge.using(delay="1h", unique=rule).job(1) for rule in rules])
            except EngineError as error:
                failed.append(error)

    threads = [threading.Thread(target=enqueue, args=(seed,)) for seed in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        await asyncio.to_thread(thread.join)
    await app.close()
    assert failed == []
    assert deadlocks(postgres_database) == 0


def deadlocks(url: str) -> int:
    with psycopg.connect(url) as connection:
        ((count,),) = connection.execute(DEADLOCKS).fetchall()
        return int(count)


async def test_keys_do_not_change_the_line(engine: PostgresEngine) -> None:
    jobs = [new(unique=unique(f"order:{n}")) for n in (3, 1, 2)]
    receipts = await engine.producer.enqueue(jobs)
    assert [receipt.id for receipt in receipts] == [job.id for job in jobs]
    assert [claim.job.id for claim in await take(engine, 3)] == [job.id for job in jobs]


async def test_a_cancellation_and_a_settlement_of_the_same_jobs(
    engine: PostgresEngine, postgres_database: str
) -> None:
    ids = [await add(engine), await add(engine)]
    claims = await take(engine, 2)
    outcomes: tuple[Outcome, ...] = (Released(), Succeeded())
    items = [ending(claim, outcome) for claim, outcome in zip(claims, outcomes, strict=True)]
    loop = asyncio.get_running_loop()

    def settles() -> tuple[str, ...]:
        """Settle, and let the cancellation begin after the first statement."""
        with connect(engine.session.address) as ours, connect(engine.session.address) as watcher:
            execute = executor(ours)
            plan = settle(engine.session.sql, items, None)
            cancelling = None
            with ours.transaction():
                try:
                    answer = execute(next(plan))
                    cancelling = asyncio.run_coroutine_threadsafe(
                        engine.controller.cancel(ids), loop
                    )
                    while not watcher.execute(WAITING).fetchall():
                        assert not cancelling.done()
                    while True:
                        answer = execute(plan.send(answer))
                except StopIteration:
                    pass
            assert cancelling is not None
            return cancelling.result(20)

    assert await asyncio.to_thread(settles) == (ids[0],)
    assert deadlocks(postgres_database) == 0


@pytest.mark.parametrize("name", ["cancel", "run_now"])
async def test_who_waits_for_the_first_job_holds_none_of_the_later_ones(
    engine: PostgresEngine, postgres_database: str, name: str
) -> None:
    ids = sorted([await add(engine, delay=HOUR) for _ in range(3)])
    call = engine.controller.cancel if name == "cancel" else engine.controller.run_now
    lock = f"{LOCK} NOWAIT"
    async with (
        await psycopg.AsyncConnection.connect(postgres_database) as first,
        await psycopg.AsyncConnection.connect(postgres_database, autocommit=True) as others,
    ):
        await first.execute(LOCK, (ids[:1],))
        calling = asyncio.create_task(call(ids[::-1]))
        while not await (await others.execute(WAITING)).fetchall():
            assert not calling.done()
        assert len(await (await others.execute(lock, (ids[1:],))).fetchall()) == 2
        await first.rollback()
    assert sorted(await calling) == ids


def test_settlements_are_written_in_the_order_of_ids() -> None:
    claims = [Claim(job=stamp(new(), 0)) for _ in range(3)]
    for outcome in (Succeeded(), Released(), Failed("Error", "no")):
        items = [ending(claim, outcome) for claim in reversed(claims)]
        first = next(settle(Texts("dutiful"), items, None))
        assert list(first.params[0].items) == [claim.job.id for claim in claims]
