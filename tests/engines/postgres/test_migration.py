"""Migrations of our own making, applied by the same code on a real server."""

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from dutiful.contract.release import release
from dutiful.core.errors import EngineUnavailable, SchemaMismatch, StoreUnusable, UsageError
from dutiful.engines.postgres import PostgresEngine
from dutiful.engines.postgres.connections.address import address_of
from dutiful.engines.postgres.schema import apply_migration
from dutiful.engines.postgres.schema.migration import migrate, prepare
from dutiful.engines.postgres.statements import Texts
from dutiful.testing.conformance.moves import add, hand, one
from tests.engines.postgres.planted import INDEX, SLIM, WIDER, Planted, ended, kill
from tests.until import wait_until


@pytest.fixture
def planted(postgres_url: str, tmp_path: Path) -> Planted:
    return Planted(postgres_url, tmp_path / "migrations")


def test_a_migration_is_applied_once(planted: Planted) -> None:
    name = planted.plant("wider", WIDER)
    assert planted.migrate() == (name,)
    assert planted.migrate() == ()
    assert planted.applied()[-1] == name


def test_a_failed_migration_leaves_nothing(planted: Planted) -> None:
    planted.plant("broken", f"{WIDER}; SELECT 1 / 0")
    with pytest.raises(StoreUnusable, match="division by zero"):
        planted.migrate()
    assert (
        planted.ask(
            "SELECT 1 FROM pg_attribute WHERE attrelid = 'job'::regclass AND attname = 'extra'"
        )
        == []
    )
    (planted.folder / f"{planted.number:04d}_broken.sql").write_text(f"{WIDER};")
    assert len(planted.migrate()) == 1


def test_processes_at_once_apply_each_once(planted: Planted) -> None:
    names = [
        planted.plant("wider", WIDER),
        planted.plant("index.concurrently", INDEX),
        planted.plant("slim.contract", SLIM),
    ]
    crowd = [planted.child() for _ in range(3)]
    said = " ".join(ended(process) for process in crowd).split()
    assert sorted(said) == names
    assert planted.applied()[-3:] == names
    assert planted.index() == [True]


def test_opening_does_only_what_is_quick(planted: Planted) -> None:
    wider = planted.plant("wider", WIDER)
    planted.plant("index.concurrently", INDEX)
    planted.plant("slim.contract", SLIM)
    prepare(planted.address, planted.texts())
    assert planted.applied()[-1] == wider
    assert len(planted.migrate()) == 2


def test_a_new_store_has_all_at_once(planted: Planted) -> None:
    planted.plant("index.concurrently", INDEX)
    planted.plant("slim.contract", SLIM)
    texts = Texts(f"{planted.schema}_new", planted.migrations)
    with planted.writing():  # which an index that is built concurrently would wait for
        prepare(planted.address, texts)
    assert migrate(planted.address, texts) == ()


def test_an_index_is_built_while_others_write(planted: Planted) -> None:
    name = planted.plant("index.concurrently", INDEX)
    with planted.writing(), planted.connect() as other:
        child = planted.child()
        wait_until(planted.building)
        began = time.monotonic()
        for _ in range(20):
            planted.insert(other)
        assert time.monotonic() - began < 20
        assert child.poll() is None
    assert ended(child) == name
    assert planted.index() == [True]


@pytest.mark.parametrize("unique", [False, True])
def test_an_index_that_was_interrupted_is_built_again(planted: Planted, unique: bool) -> None:
    text = INDEX.replace("INDEX", "UNIQUE INDEX").replace("(task)", "(id)") if unique else INDEX
    name = planted.plant("index.concurrently", text)
    with planted.writing():
        child = planted.child()
        wait_until(planted.building)
        query = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query ILIKE %s"
        planted.ask(query, f"CREATE%INDEX CONCURRENTLY%{planted.schema}%")
        assert child.wait(60) != 0
        child.communicate()
        assert planted.index() == [False]
    assert planted.migrate() == (name,)
    assert planted.index() == [True]


def test_a_killed_process_leaves_the_index_to_the_next(planted: Planted) -> None:
    name = planted.plant("index.concurrently", INDEX)
    with ThreadPoolExecutor(1) as pool, planted.writing():
        child = planted.child()
        wait_until(planted.building)
        kill(child)
        second = pool.submit(planted.migrate)
        # The server notices within a second that nobody asks for the index any more.
        wait_until(lambda: planted.waiting("DROP INDEX CONCURRENTLY"))
        assert planted.index() == [False]
        assert planted.applied()[-1] != name
    assert second.result() == (name,)
    assert planted.index() == [True]


def test_an_index_built_but_not_recorded_is_kept(planted: Planted) -> None:
    name = planted.plant("index.concurrently", INDEX)
    planted.migrate()
    before = planted.ask("SELECT 'job_extra'::regclass::oid")
    planted.ask("DELETE FROM migration WHERE name = %s RETURNING 1", name)
    assert planted.migrate() == (name,)
    assert planted.ask("SELECT 'job_extra'::regclass::oid") == before


def test_an_index_that_cannot_be_is_cleared_away(planted: Planted) -> None:
    with planted.connect() as connection:
        planted.insert(connection)
        planted.insert(connection)
    planted.plant("index.concurrently", INDEX.replace("INDEX", "UNIQUE INDEX"))
    with pytest.raises(StoreUnusable, match="could not create unique index"):
        planted.migrate()
    assert planted.index() == []


def test_a_killed_process_leaves_no_half_of_a_transaction(planted: Planted) -> None:
    name = planted.plant("wider", f"{WIDER}; SELECT pg_sleep(2)")
    child = planted.child()
    query = "SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND query LIKE %s"
    wait_until(lambda: planted.ask(query, f"%{planted.schema}%"))
    kill(child)
    assert planted.applied()[-1] != name
    assert planted.migrate() in ((name,), ())  # the server may have gone on to the commit
    assert planted.applied()[-1] == name
    assert planted.migrate() == ()


def test_nobody_waits_behind_a_migration_that_waits(planted: Planted) -> None:
    name = planted.plant("wider", WIDER)
    waits: list[float] = []
    patient = "-c lock_timeout=5s"
    with planted.writing(), planted.connect(options=patient) as other:
        child = planted.child()
        wait_until(lambda: planted.waiting("ALTER TABLE"))
        while sum(wait > 0.1 for wait in waits) < 3:  # three trials gave up
            began = time.monotonic()
            planted.insert(other)
            waits.append(time.monotonic() - began)
        assert child.poll() is None
    assert ended(child) == name
    assert max(waits) < apply_migration.LOCK_SECONDS + 1


def test_who_stands_in_the_way_is_named(planted: Planted, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apply_migration, "PATIENCE_SECONDS", 1)
    planted.plant("wider", WIDER)
    with planted.writing() as report:
        with pytest.raises(EngineUnavailable) as caught:
            planted.migrate()
        said = str(caught.value)
        assert f"session {report.info.backend_pid} (slow-report, postgres, idle in tran" in said
        assert "held job, " in said
        assert "pg_terminate_backend" in said


def test_who_migrates_already_is_named(planted: Planted, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apply_migration, "PATIENCE_SECONDS", 0.5)
    planted.plant("wider", WIDER)
    with planted.connect(application_name="by hand") as other:
        other.execute(planted.texts()("migration_script_lock").encode())
        with pytest.raises(EngineUnavailable, match=r"by hand.*held the turn to migrate"):
            planted.migrate()


async def test_what_takes_away_waits_for_older_workers(planted: Planted) -> None:
    engine = PostgresEngine(planted.url)
    await engine.open()
    await engine.fleet.join(hand("old"))  # of version 1
    name = planted.plant("slim.contract", SLIM)
    engine.session.sql = planted.texts()
    assert await engine.schema.migrate(dry_run=True) == ()
    assert await engine.schema.migrate(dry_run=True, contract=True) == (name,)
    assert await engine.schema.migrate() == ()
    assert f"-- {name} waits until no worker" in await engine.schema.script()
    await engine.fleet.leave("old")
    assert await engine.schema.migrate() == (name,)
    await engine.close()


async def test_what_takes_away_can_be_insisted_on(planted: Planted) -> None:
    engine = PostgresEngine(planted.url)
    await engine.open()
    await engine.fleet.join(hand("old"))
    name = planted.plant("slim.contract", SLIM)
    engine.session.sql = planted.texts()
    assert await engine.schema.migrate(contract=True) == (name,)
    await engine.close()


async def test_workers_of_this_release_hold_nothing_back(planted: Planted) -> None:
    engine = PostgresEngine(planted.url)
    await engine.open()
    with planted.connect() as connection:
        await engine.fleet.join(hand("new"))
        connection.execute("UPDATE worker SET version = %s", (release(),))
        await engine.fleet.join(hand("dead"))
        connection.execute("UPDATE worker SET renewed_at = 1 WHERE id = 'dead'")
    name = planted.plant("slim.contract", SLIM)
    assert planted.migrate() == (name,)
    await engine.close()


async def test_older_code_serves_an_expanded_store(planted: Planted) -> None:
    planted.plant("wider", WIDER)
    planted.plant("index.concurrently", INDEX)
    planted.migrate()
    older = PostgresEngine(planted.url)
    await older.open()
    await older.fleet.join(hand("w1"))
    job_id = await add(older)
    assert (await one(older)).job.id == job_id
    (finding,) = [finding for finding in await older.check() if finding.name == "schema"]
    assert finding.ok
    assert "newer than this release" in finding.text
    await older.close()


async def test_older_code_refuses_a_contracted_store(planted: Planted) -> None:
    name = planted.plant("slim.contract", SLIM)
    planted.migrate()
    older = PostgresEngine(planted.url)
    with pytest.raises(SchemaMismatch, match=f"{name}.*upgrade dutiful here"):
        await older.open()
    with pytest.raises(SchemaMismatch):
        await older.schema.migrate()
    await older.close()


def test_a_pooler_lends_no_connection_for_an_index(planted: Planted) -> None:
    planted.plant("index.concurrently", INDEX)
    address = address_of(f"{planted.url}&pooler=yes")
    with pytest.raises(UsageError, match="without pooler="):
        migrate(address, planted.texts())


def test_a_short_statement_timeout_of_the_role_does_not_matter(planted: Planted) -> None:
    slow = planted.plant("slow", "SELECT pg_sleep(0.3)")
    index = planted.plant("index.concurrently", INDEX)
    planted.url += "&options=-c statement_timeout=200"
    with planted.writing():
        child = planted.child()
        wait_until(lambda: planted.waiting("CREATE INDEX CONCURRENTLY", seconds=0.4))
    assert ended(child) == f"{slow} {index}"
