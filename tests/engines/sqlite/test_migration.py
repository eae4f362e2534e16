"""Migrations of our own making, applied by the same code to a file."""

import contextlib
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from dutiful.contract.release import release
from dutiful.core.errors import SchemaMismatch
from dutiful.engines._sql.migrations import Migration
from dutiful.engines.sqlite import SqliteEngine
from dutiful.engines.sqlite.statements import shipped
from tests.engines.sqlite.support import claimed, new, rows, worker

NUMBER = len(shipped()) + 1
WIDER = Migration(NUMBER, f"{NUMBER:04d}_wider", "ALTER TABLE dutiful_job ADD COLUMN extra TEXT;\n")
SLIM = Migration(
    NUMBER + 1,
    f"{NUMBER + 1:04d}_slim.contract",
    "ALTER TABLE dutiful_job ADD COLUMN instead TEXT;\n",
)


@pytest.fixture
async def newer(path: Path, engine: SqliteEngine) -> AsyncIterator[SqliteEngine]:
    """The same file, looked at by a release with two migrations more."""
    newer = SqliteEngine(path)
    newer.session.migrations = (*shipped(), WIDER, SLIM)
    yield newer
    await newer.close()


async def test_opening_expands_and_takes_nothing_away(newer: SqliteEngine) -> None:
    await newer.open()
    assert await newer.schema.migrate(dry_run=True) == (SLIM.name,)
    assert await newer.schema.migrate() == (SLIM.name,)
    assert await newer.schema.migrate() == ()


async def test_what_takes_away_waits_for_older_workers(
    engine: SqliteEngine, newer: SqliteEngine
) -> None:
    await engine.fleet.join(worker("old"))
    assert await newer.schema.migrate(dry_run=True) == (WIDER.name,)
    assert await newer.schema.migrate(dry_run=True, contract=True) == (WIDER.name, SLIM.name)
    assert await newer.schema.migrate() == (WIDER.name,)
    await engine.fleet.leave("old")
    assert await newer.schema.migrate() == (SLIM.name,)


async def test_what_takes_away_can_be_insisted_on(
    engine: SqliteEngine, newer: SqliteEngine
) -> None:
    await engine.fleet.join(worker("old"))
    assert await newer.schema.migrate(contract=True) == (WIDER.name, SLIM.name)


CHANGES = {
    "release": ("UPDATE dutiful_worker SET version = ?", release()),
    "lost": ("UPDATE dutiful_worker SET lost = ?", 1),
    "boot": ("UPDATE dutiful_worker SET boot = ?", "before"),
}


@pytest.mark.parametrize("change", CHANGES)
async def test_who_is_no_older_worker_holds_nothing_back(
    engine: SqliteEngine, newer: SqliteEngine, path: Path, change: str
) -> None:
    await engine.fleet.join(worker("w1"))
    text, value = CHANGES[change]
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(text, (value,))
    assert SLIM.name in await newer.schema.migrate()


async def test_a_failed_migration_leaves_nothing(newer: SqliteEngine, path: Path) -> None:
    broken = Migration(WIDER.number, WIDER.name, f"{WIDER.text}SELECT no_such;\n")
    newer.session.migrations = (*shipped(), broken)
    with pytest.raises(Exception, match="no such column"):
        await newer.open()
    newer.session.migrations = (*shipped(), WIDER)
    await newer.open()


async def test_older_code_serves_an_expanded_store(path: Path, newer: SqliteEngine) -> None:
    await newer.open()
    older = SqliteEngine(path)
    await older.open()
    job = new()
    await older.producer.enqueue([job])
    assert [claim.job.id for claim in await claimed(older)] == [job.id]
    (finding,) = [finding for finding in await older.check() if finding.name == "schema"]
    assert finding.ok
    assert "newer than this release" in finding.text
    await older.close()


async def test_older_code_refuses_a_contracted_store(path: Path, newer: SqliteEngine) -> None:
    await newer.schema.migrate()
    older = SqliteEngine(path)
    for call in (older.open, older.schema.migrate, older.schema.script):
        with pytest.raises(SchemaMismatch, match=f"{path}.*{SLIM.name}.*upgrade dutiful here"):
            await call()
    await older.close()


async def test_the_script_can_be_run_by_hand(path: Path, newer: SqliteEngine) -> None:
    text = await newer.schema.script()
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.executescript(text)
    assert await newer.schema.migrate() == ()
    assert await newer.schema.script() == ""
    names = rows(path, "SELECT name FROM dutiful_migration ORDER BY number")
    assert [name for (name,) in names][-2:] == [WIDER.name, SLIM.name]
