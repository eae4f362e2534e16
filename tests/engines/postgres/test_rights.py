"""A role with only the rights that the guide names serves; one installation knows no other."""

import re
from pathlib import Path

import psycopg

from dutiful.contract.protocol import Wanted
from dutiful.core.outcome import Failed, Succeeded
from dutiful.engines.postgres import PostgresEngine
from dutiful.testing.conformance.moves import end, hand, new, one

GUIDE = Path(__file__).parents[3] / "docs" / "guides" / "postgresql.md"


async def test_the_rights_of_the_guide_are_enough(postgres_database: str) -> None:
    owner = PostgresEngine(postgres_database)
    await owner.open()
    (script,) = re.findall(r"```sql\n(CREATE ROLE.*?)```", GUIDE.read_text(), re.S)
    with psycopg.connect(postgres_database, autocommit=True) as connection:
        connection.execute(script.encode())
    worker = PostgresEngine(postgres_database.replace("postgres@", "shop_worker@"))
    try:
        await worker.open()
        await worker.join(hand("w1"))
        await worker.enqueue([new() for _ in range(4)])
        await worker.wait(["default"], 0.2)
        assert await end(worker, await one(worker), Succeeded())
        claim = await one(worker)
        assert await worker.record_step(claim, "step", b"1")
        assert await end(worker, claim, Failed("Error", "no"))
        transaction = worker.transaction(await one(worker))
        transaction.begin()
        transaction.rollback()
        assert (await worker.exchange("w1", [], Wanted(("default",), 5))).claims
        await worker.pause("default")
        await worker.resume("default")
        assert await worker.prune(4, -1_000_000, 10) == 1
        assert all(finding.name for finding in await worker.check())
        await worker.leave("w1")
    finally:
        await worker.close()
        await owner.close()
        with psycopg.connect(postgres_database, autocommit=True) as connection:
            connection.execute("drop owned by shop_worker")
            connection.execute("drop role shop_worker")


async def test_two_installations_in_one_database_do_not_meet(postgres_database: str) -> None:
    first = PostgresEngine(f"{postgres_database}?schema=first")
    second = PostgresEngine(f"{postgres_database}?schema=Second one")
    for engine in (first, second):
        await engine.open()
        await engine.join(hand("w1"))
    await first.enqueue([new()])
    assert not (await second.exchange("w1", [], Wanted(("default",), 5))).claims
    assert len((await first.exchange("w1", [], Wanted(("default",), 5))).claims) == 1
    for engine in (first, second):
        await engine.close()


async def test_the_script_can_be_run_by_hand(postgres_database: str) -> None:
    engine = PostgresEngine(postgres_database)
    script = await engine.script()
    with psycopg.connect(postgres_database) as connection:
        connection.execute(script.encode())
    assert await engine.migrate(dry_run=True) == ()
    assert await engine.script() == ""
    await engine.open()
    assert all(finding.ok for finding in await engine.check() if finding.name != "horizon")
    await engine.close()
