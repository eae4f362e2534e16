"""Enqueueing on the caller's own connection."""

import asyncio
import contextlib
import sqlite3
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from dutiful.core.errors import DuplicateJob, EngineError, UsageError
from dutiful.core.instant import SECOND
from dutiful.core.unique import Unique, unique
from dutiful.engines.sqlite import SqliteEngine
from tests.engines.sqlite.support import new

MODES: list[dict[str, Any]] = [{}, {"isolation_level": "IMMEDIATE"}]
if sys.version_info >= (3, 12):
    MODES.append({"autocommit": False})


@pytest.fixture(params=MODES, ids=str)
def mine(request: pytest.FixtureRequest, engine: SqliteEngine, path: Path) -> Any:
    with contextlib.closing(sqlite3.connect(path, **request.param)) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS orders (id INTEGER)")
        connection.commit()
        yield connection


async def test_commits_with_the_caller(engine: SqliteEngine, mine: sqlite3.Connection) -> None:
    job = new()
    mine.execute("INSERT INTO orders VALUES (1)")
    engine.caller_producer.enqueue_on(mine, [job])
    assert await engine.inspector.get([job.id]) == ()
    mine.commit()
    assert len(await engine.inspector.get([job.id])) == 1
    assert (await engine.inspector.tally())["enqueued"] == 1


@pytest.mark.parametrize("first", [True, False])
async def test_rolls_back_with_the_caller(
    engine: SqliteEngine, mine: sqlite3.Connection, first: bool
) -> None:
    if first:
        mine.execute("INSERT INTO orders VALUES (1)")
    engine.caller_producer.enqueue_on(mine, [new()])
    mine.execute("INSERT INTO orders VALUES (2)")
    mine.rollback()
    assert mine.execute("SELECT * FROM orders").fetchall() == []
    assert (await engine.inspector.tally())["enqueued"] == 0


async def test_duplicate_leaves_the_rest_alone(
    engine: SqliteEngine, mine: sqlite3.Connection
) -> None:
    rule = unique("k", on_conflict="raise")
    await engine.producer.enqueue([new(unique=rule)])
    mine.execute("INSERT INTO orders VALUES (1)")
    with pytest.raises(DuplicateJob):
        engine.caller_producer.enqueue_on(mine, [new(), new(unique=rule)])
    mine.commit()
    assert mine.execute("SELECT * FROM orders").fetchall() == [(1,)]
    assert (await engine.inspector.tally())["enqueued"] == 1


async def test_callers_factories_do_not_matter(engine: SqliteEngine, path: Path) -> None:
    rule = unique("k")
    (first,) = await engine.producer.enqueue([new(unique=rule)])
    with contextlib.closing(sqlite3.connect(path)) as mine:
        mine.row_factory = sqlite3.Row
        mine.text_factory = bytes
        (receipt,) = engine.caller_producer.enqueue_on(mine, [new(unique=rule)])
        assert mine.text_factory is bytes
        mine.commit()
    assert (receipt.id, receipt.created) == (first.id, False)


async def test_without_a_transaction_it_is_refused(engine: SqliteEngine, path: Path) -> None:
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as mine:
        with pytest.raises(UsageError, match="no transaction open"):
            engine.caller_producer.enqueue_on(mine, [new(), new()])
        mine.execute("BEGIN")
        engine.caller_producer.enqueue_on(mine, [new(), new()])
        mine.execute("COMMIT")
    assert (await engine.inspector.tally())["enqueued"] == 2


async def test_other_file_is_refused(engine: SqliteEngine, tmp_path: Path) -> None:
    with contextlib.closing(sqlite3.connect(tmp_path / "other.db")) as other:
        with pytest.raises(UsageError, match="one transaction can only span one file"):
            engine.caller_producer.enqueue_on(other, [new()])
    with contextlib.closing(sqlite3.connect(":memory:")) as memory:
        with pytest.raises(UsageError, match="memory"):
            engine.caller_producer.enqueue_on(memory, [new()])
    with pytest.raises(UsageError, match=r"not an sqlite3\.Connection"):
        engine.caller_producer.enqueue_on(object(), [new()])


async def test_commit_wakes_a_listener(engine: SqliteEngine, mine: sqlite3.Connection) -> None:
    loop = asyncio.get_running_loop()
    engine.caller_producer.enqueue_on(mine, [new()])
    listener = asyncio.create_task(engine.consumer.wait(("default",), 30))
    await asyncio.sleep(0.1)
    assert not listener.done()
    begun = loop.time()
    mine.commit()
    await listener
    assert loop.time() - begun < 10


def test_a_first_use_inside_a_transaction_is_told_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "fresh.db"
    engine = SqliteEngine(path)
    connection = sqlite3.connect(path)
    try:
        connection.execute("CREATE TABLE mine (x)")
        connection.execute("INSERT INTO mine VALUES (1)")
        with pytest.raises(UsageError, match=r"call app\.open\(\)"):
            engine.caller_producer.enqueue_on(connection, [new()])
        connection.rollback()
        assert engine.caller_producer.enqueue_on(connection, [new()])[0].created
        connection.commit()
    finally:
        connection.close()
        engine.session.close()


@pytest.mark.parametrize("rule", [None, unique("order:1")], ids=["plain", "unique"])
async def test_a_job_that_a_trigger_passes_over_is_an_error(
    engine: SqliteEngine, mine: sqlite3.Connection, rule: Unique | None
) -> None:
    mine.execute(
        "CREATE TRIGGER passes_over BEFORE INSERT ON dutiful_job WHEN NEW.task = 'odd' "
        "BEGIN SELECT RAISE(IGNORE); END"
    )
    mine.commit()
    first, odd = new(), new(task="odd", unique=rule)
    for enqueue in (
        engine.sync_producer.enqueue_sync,
        partial(engine.caller_producer.enqueue_on, mine),
    ):
        with pytest.raises(EngineError, match=f"job {odd.id} was not stored: a trigger refused"):
            enqueue([first, odd])
    mine.rollback()
    with pytest.raises(EngineError, match="not stored: a trigger refused its row"):
        await engine.producer.enqueue([first, odd])
    assert not await engine.inspector.get([first.id, odd.id])
    assert engine.sync_producer.enqueue_sync([first]) == engine.sync_producer.enqueue_sync([first])


async def test_a_replacement_that_a_trigger_passes_over_is_an_error(
    engine: SqliteEngine, mine: sqlite3.Connection
) -> None:
    rule = unique("order:1", on_conflict="replace")
    engine.sync_producer.enqueue_sync([new(unique=rule, delay=3600 * SECOND)])
    mine.execute(
        "CREATE TRIGGER passes_over BEFORE UPDATE ON dutiful_job BEGIN SELECT RAISE(IGNORE); END"
    )
    mine.commit()
    with pytest.raises(EngineError, match="not stored: a trigger refused its row"):
        engine.sync_producer.enqueue_sync([new(unique=rule)])
