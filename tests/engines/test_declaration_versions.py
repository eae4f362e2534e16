"""What is kept of the declaration versions that an app once declared."""

import sqlite3
from collections.abc import AsyncGenerator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from dutiful.core.declaration_version import REMEMBERED
from dutiful.core.instant import DAY, SECOND
from dutiful.engines.memory import MemoryEngine
from dutiful.engines.postgres import PostgresEngine
from dutiful.engines.sqlite import SqliteEngine
from dutiful.testing import FakeClock

Engine = MemoryEngine | SqliteEngine | PostgresEngine


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(params=["memory", "sqlite", "postgres"])
async def engine(
    request: pytest.FixtureRequest, clock: FakeClock, tmp_path: Path
) -> AsyncGenerator[Engine]:
    built: Engine
    match request.param:
        case "memory":
            built = MemoryEngine(clock=clock)
        case "sqlite":
            built = SqliteEngine(tmp_path / "jobs.db", clock=clock)
        case _:
            built = PostgresEngine(request.getfixturevalue("postgres_database"), clock=clock)
    await built.open()
    yield built
    await built.close()


def kept(engine: Engine, request: pytest.FixtureRequest, tmp_path: Path) -> set[tuple[str, str]]:
    if isinstance(engine, MemoryEngine):
        declaration_versions = engine.tables.declaration_versions
        return {(app, digest) for app, known in declaration_versions.items() for digest in known}
    if isinstance(engine, SqliteEngine):
        with closing(sqlite3.connect(tmp_path / "jobs.db")) as connection:
            return set(connection.execute("SELECT app, digest FROM dutiful_edition"))
    with psycopg.connect(request.getfixturevalue("postgres_database")) as server:
        return set(server.execute("SELECT app, digest FROM dutiful.edition").fetchall())


async def test_a_deploy_a_day_leaves_the_editions_of_a_month(
    engine: Engine, clock: FakeClock, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    await engine.schedules.declare("quiet", "only", [])
    for day in range(100):
        await engine.schedules.declare("shop", f"e{day}", [])
        clock.advance(DAY / SECOND)
    await engine.schedules.declare("shop", "e99", None)
    days = REMEMBERED // DAY
    month = {("shop", f"e{day}") for day in range(100 - days, 100)}
    assert kept(engine, request, tmp_path) == {("quiet", "only"), *month}
