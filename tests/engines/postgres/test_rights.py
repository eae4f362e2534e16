"""A role with only the rights that the guide names serves; one installation knows no other."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from dutiful.contract.roles.consumer import Wanted
from dutiful.core.outcome import Failed, Succeeded
from dutiful.engines._sql.migrations import Migration
from dutiful.engines.postgres import PostgresEngine
from dutiful.engines.postgres.schema.apply_migration import apply_migration
from dutiful.engines.postgres.schema.migration import script
from dutiful.engines.postgres.statements import Texts
from dutiful.testing.conformance.moves import end, hand, new, one
from tests.until import until

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
        await worker.fleet.join(hand("w1"))
        await worker.producer.enqueue([new() for _ in range(4)])
        await worker.consumer.wait(["default"], 0.2)
        assert await end(worker, await one(worker), Succeeded())
        claim = await one(worker)
        assert await worker.consumer.record_step(claim, "step", b"1")
        assert await end(worker, claim, Failed("Error", "no"))
        transaction = worker.transactional.transaction(await one(worker))
        transaction.begin()
        transaction.rollback()
        assert (await worker.consumer.exchange("w1", [], Wanted(("default",), 5))).claims
        await worker.controller.pause("default")
        await worker.controller.resume("default")
        assert await worker.retention.prune(4, -1_000_000, 10) == 1
        assert all(finding.name for finding in await worker.check())
        await worker.fleet.leave("w1")
    finally:
        await worker.close()
        await owner.close()
        with psycopg.connect(postgres_database, autocommit=True) as connection:
            connection.execute("drop owned by shop_worker")
            connection.execute("drop role shop_worker")


async def test_a_role_without_rights_commits_what_a_function_enqueued(
    postgres_database: str,
) -> None:
    """Before PostgreSQL 18 deferred triggers run as the role that commits."""
    engine = PostgresEngine(postgres_database)
    await engine.open()
    shop = psycopg.connect(postgres_database, autocommit=True)
    try:
        shop.execute("""
            create function public.place_order() returns text language sql security definer
              as $$ select dutiful.enqueue('ship') $$;
            create role shop_clerk;
        """)
        async with asyncio.TaskGroup() as group:
            listener = group.create_task(engine.consumer.wait(["default"], 60))
            asleep = "select from dutiful.listener"
            await until(lambda: shop.execute(asleep).fetchall() != [])
            shop.execute("set role shop_clerk")
            with shop.transaction():
                shop.execute("select public.place_order()")
            async with asyncio.timeout(30):
                await asyncio.shield(listener)
        for call in ("dutiful.enqueue('t')", "dutiful.wake('{default}', 1)"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                shop.execute(f"select {call}".encode())
    finally:
        shop.execute("reset role")
        shop.execute("drop role shop_clerk")
        shop.close()
        await engine.close()


async def test_a_role_that_may_look_in_the_schema_gets_no_more_by_its_functions(
    postgres_database: str,
) -> None:
    engine = PostgresEngine(postgres_database)
    await engine.open()
    await engine.close()
    with psycopg.connect(postgres_database, autocommit=True) as guest:
        guest.execute("create role shop_guest; grant usage on schema dutiful to shop_guest")
        guest.execute("insert into dutiful.listener (id, queues) values ('a', '{default}')")
        guest.execute("set role shop_guest")
        try:
            guest.execute("select dutiful.wake('{default}', 1)")  # NOTIFY asks for no right either
            for refused in (
                "select dutiful.wake_some('{default}', 1)",
                "select dutiful.wake_at_commit()",
                "create temp table mine (queues text[], count int); create trigger wakes after "
                "insert on mine for each row execute function dutiful.wake_at_commit()",
            ):
                with pytest.raises(psycopg.Error):
                    guest.execute(refused.encode())
        finally:
            guest.execute("reset role")
            assert guest.execute("select id from dutiful.listener").fetchall() == [("a",)]
            guest.execute("drop owned by shop_guest; drop role shop_guest")


async def test_two_installations_in_one_database_do_not_meet(postgres_database: str) -> None:
    first = PostgresEngine(f"{postgres_database}?schema=first")
    second = PostgresEngine(f"{postgres_database}?schema=Second one")
    for engine in (first, second):
        await engine.open()
        await engine.fleet.join(hand("w1"))
    await first.producer.enqueue([new()])
    assert not (await second.consumer.exchange("w1", [], Wanted(("default",), 5))).claims
    assert len((await first.consumer.exchange("w1", [], Wanted(("default",), 5))).claims) == 1
    for engine in (first, second):
        await engine.close()


async def test_the_script_can_be_run_by_hand(postgres_database: str) -> None:
    engine = PostgresEngine(postgres_database)
    script = await engine.schema.script()
    with psycopg.connect(postgres_database) as connection:
        connection.execute(script.encode())
    assert await engine.schema.migrate(dry_run=True) == ()
    assert await engine.schema.script() == ""
    await engine.open()
    assert all(finding.ok for finding in await engine.check() if finding.name != "horizon")
    await engine.close()


@pytest.fixture
async def granted(postgres_database: str) -> AsyncIterator[tuple[PostgresEngine, str]]:
    """A store whose owner has followed the guide, and a role of the guide's."""
    owner = PostgresEngine(postgres_database)
    await owner.open()
    (script,) = re.findall(r"```sql\n(CREATE ROLE.*?)```", GUIDE.read_text(), re.S)
    name = f"clerk_{uuid4().hex[:8]}"
    with psycopg.connect(postgres_database, autocommit=True) as connection:
        connection.execute(script.replace("shop_worker", name).encode())
        yield owner, name
        await owner.close()
        connection.execute(f"drop owned by {name}".encode())
        connection.execute(f"drop role {name}".encode())


def allowed(database: str, role: str, table: str) -> list[bool]:
    text = "select has_table_privilege(%s, %s, right_) from unnest(%s::text[]) as right_"
    every = ["SELECT", "INSERT", "UPDATE", "DELETE"]
    with psycopg.connect(database) as connection:
        return [row[0] for row in connection.execute(text, (role, f"dutiful.{table}", every))]


async def test_tables_of_later_migrations_are_granted_too(
    granted: tuple[PostgresEngine, str], postgres_database: str
) -> None:
    owner, role = granted
    with psycopg.connect(postgres_database, autocommit=True) as connection:
        connection.execute(b"create table dutiful.later (n int)")
        connection.execute(b"create role reader")
        connection.execute(b"grant select on dutiful.job to reader")
        try:
            await owner.schema.migrate()
            assert allowed(postgres_database, role, "later") == [True] * 4
            assert allowed(postgres_database, "reader", "later") == [False] * 4
        finally:
            connection.execute(b"drop owned by reader")
            connection.execute(b"drop role reader")


@pytest.mark.parametrize("by_hand", [False, True])
async def test_a_migration_grants_by_itself_and_so_does_its_script(
    granted: tuple[PostgresEngine, str], postgres_database: str, by_hand: bool
) -> None:
    owner, role = granted
    address, sql = owner.session.address, owner.session.sql
    added = Migration(len(sql.migrations) + 1, "later", "CREATE TABLE {schema}.later (n int);")
    texts = Texts(sql.schema, (*sql.migrations, added))
    if by_hand:
        with psycopg.connect(postgres_database, autocommit=True) as connection:
            connection.execute(script(address, texts).encode())
    else:
        apply_migration(address, texts, added, alone=False)
    assert allowed(postgres_database, role, "later") == [True] * 4


async def test_missing_rights_are_named_before_anything_fails(
    granted: tuple[PostgresEngine, str], postgres_database: str
) -> None:
    _, role = granted
    with psycopg.connect(postgres_database, autocommit=True) as connection:
        connection.execute(f"revoke delete on dutiful.schedule from {role}".encode())
        connection.execute(f"revoke all on dutiful.occurrence from {role}".encode())
    engine = PostgresEngine(postgres_database.replace("postgres@", f"{role}@"))
    (notice,) = await engine.open()
    assert "lacks rights on occurrence, schedule; run `dutiful migrate`" in notice
    found = {finding.name: finding for finding in await engine.check()}
    assert (found["rights"].ok, found["rights"].text) == (False, notice)
    await engine.close()
