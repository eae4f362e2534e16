"""Connections of the caller's that are not as plain as ours."""

import contextlib
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dutiful.core.errors import DuplicateJob, SchemaMismatch, UsageError
from dutiful.core.unique import unique
from dutiful.engines.sqlite import SqliteEngine
from tests.engines.sqlite.support import claimed, new, rows, settled


@pytest.mark.parametrize("kind", ["TEXT", "INTEGER", "BLOB"])
async def test_converters_of_a_callers_connection_do_not_matter(
    engine: SqliteEngine, path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sqlite3.converters, kind, lambda _: [])
    types = sqlite3.PARSE_DECLTYPES | sqlite3.PARSE_COLNAMES
    await engine.close()
    with contextlib.closing(sqlite3.connect(path, detect_types=types)) as mine:
        mine.execute("CREATE TEMP TABLE mine (n TEXT)")
        mine.execute("INSERT INTO mine VALUES ('x')")  # so that the migrations are read here
        first = engine.caller_producer.enqueue_on(mine, [new(unique=unique("k"))])
        again = engine.caller_producer.enqueue_on(mine, [new(unique=unique("k"))])
        rule = unique("k", on_conflict="replace")
        replaced = engine.caller_producer.enqueue_on(mine, [new(unique=rule, args=b"[1]")])
        mine.commit()
    assert [one[0].id for one in (first, again, replaced)] == [first[0].id] * 3
    assert (again[0].created, replaced[0].replaced) == (False, True)


THREADS: list[tuple[threading.Thread, threading.Event]] = []


class Odd(sqlite3.Connection):
    """A connection whose cursors are something else."""

    def cursor(self, *_: object, **__: object) -> Any:
        raise AssertionError("not to be used")

    def execute(self, *_: object, **__: object) -> Any:
        raise AssertionError("not to be used")


async def test_a_cursor_of_the_callers_class_is_not_used(engine: SqliteEngine, path: Path) -> None:
    with contextlib.closing(sqlite3.connect(path, factory=Odd)) as mine:
        engine.caller_producer.enqueue_on(mine, [new()])
        mine.commit()
    assert (await engine.inspector.tally())["enqueued"] == 1


def _elsewhere(path: Path) -> sqlite3.Connection:
    made: list[sqlite3.Connection] = []
    over = threading.Event()

    def work() -> None:
        with contextlib.closing(sqlite3.connect(path)) as connection:
            made.append(connection)
            opened.set()
            over.wait(30)

    opened = threading.Event()
    thread = threading.Thread(target=work)
    thread.start()
    opened.wait(30)
    THREADS.append((thread, over))
    return made[0]


def _closed(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path)
    connection.close()
    return connection


def _query_only(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA query_only = 1")
    return connection


WRONG: dict[str, tuple[Callable[[Path], sqlite3.Connection], str]] = {
    "closed": (_closed, "pass one that is open"),
    "thread": (_elsewhere, "belongs to another thread"),
    "mode=ro": (lambda path: sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True), "only read"),
    "query_only": (_query_only, "PRAGMA query_only"),
    "never opened": (lambda _: sqlite3.Connection.__new__(sqlite3.Connection), "cannot be used"),
}


@pytest.mark.parametrize("opens", [True, False])
@pytest.mark.parametrize("wrong", WRONG)
async def test_a_connection_that_cannot_write_is_refused(
    engine: SqliteEngine, path: Path, wrong: str, opens: bool
) -> None:
    await engine.producer.enqueue([new()])
    if not opens:
        await engine.close()
    make, said = WRONG[wrong]
    connection = make(path)
    with pytest.raises(UsageError, match=said):
        engine.caller_producer.enqueue_on(connection, [new()])
    if "only" in said:
        assert not connection.in_transaction
        connection.close()
    while THREADS:
        thread, over = THREADS.pop()
        over.set()
        thread.join()
    assert (await engine.inspector.tally())["enqueued"] == 1


async def test_what_was_begun_for_a_refused_enqueue_is_ended(
    engine: SqliteEngine, path: Path
) -> None:
    rule = unique("k", on_conflict="raise")
    await engine.producer.enqueue([new(unique=rule)])
    with contextlib.closing(sqlite3.connect(path)) as mine:
        with pytest.raises(DuplicateJob):
            engine.caller_producer.enqueue_on(mine, [new(unique=rule)])
        assert not mine.in_transaction


async def _migrated(engine: SqliteEngine, path: Path, change: str) -> SqliteEngine:
    await engine.close()
    with contextlib.closing(sqlite3.connect(path)) as other:
        other.execute(change)
        other.commit()
    return SqliteEngine(path)


async def test_a_store_of_a_newer_release_is_refused_in_a_transaction(
    engine: SqliteEngine, path: Path
) -> None:
    change = "INSERT INTO dutiful_migration VALUES (9999, '9999_things.contract', 0)"
    fresh = await _migrated(engine, path, change)
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as mine:
        mine.execute("BEGIN IMMEDIATE")
        with pytest.raises(SchemaMismatch, match="upgrade dutiful here"):
            fresh.caller_producer.enqueue_on(mine, [new()])
        mine.execute("COMMIT")
    assert rows(path, "SELECT count(*) FROM dutiful_job") == [(0,)]


async def test_a_store_that_lacks_a_migration_is_refused_in_a_transaction(
    engine: SqliteEngine, path: Path
) -> None:
    fresh = await _migrated(engine, path, "DELETE FROM dutiful_migration WHERE number = 5")
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as mine:
        mine.execute("BEGIN IMMEDIATE")
        with pytest.raises(UsageError, match=r"0005_fence_floor.*call app\.open\(\)"):
            fresh.caller_producer.enqueue_on(mine, [new()])
        mine.execute("COMMIT")
    assert rows(path, "SELECT count(*) FROM dutiful_job") == [(0,)]


@pytest.mark.parametrize("kind", ["TABLE dutiful_job (n)", "VIEW DUTIFUL_tally AS SELECT 1 AS n"])
async def test_a_temporary_table_that_hides_ours_is_refused(
    engine: SqliteEngine, path: Path, kind: str
) -> None:
    with contextlib.closing(sqlite3.connect(path)) as mine:
        mine.execute("CREATE TEMP TABLE orders (n)")
        engine.caller_producer.enqueue_on(mine, [new()])
        mine.execute(f"CREATE TEMP {kind}")
        with pytest.raises(UsageError, match="hides the store's own"):
            engine.caller_producer.enqueue_on(mine, [new()])
        mine.commit()
    assert (await engine.inspector.tally())["enqueued"] == 1


async def test_a_temporary_table_of_a_task_does_not_hide_its_settlement(
    engine: SqliteEngine,
) -> None:
    (claim,) = await claimed(engine)
    transaction = engine.transactional.transaction(claim)
    connection = transaction.begin()
    connection.execute("CREATE TEMP TABLE dutiful_job AS SELECT * FROM main.dutiful_job")
    with pytest.raises(UsageError, match="hides the store's own"):
        engine.caller_producer.enqueue_on(connection, [new()])
    with pytest.raises(UsageError, match="hides the store's own"):
        transaction.commit(settled(claim))
    (job,) = await engine.inspector.get([claim.job.id])
    assert job.state.name == "RUNNING"
