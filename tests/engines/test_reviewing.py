"""A review walks a part of what is open, and the next one goes on from there."""

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from dutiful.core.advance import advance
from dutiful.core.instant import MINUTE, SECOND
from dutiful.core.rule import Interval
from dutiful.core.schedule import Schedule
from dutiful.engines.postgres import PostgresEngine
from dutiful.engines.sqlite import SqliteEngine
from dutiful.testing import FakeClock

NAMES = ["a", "b", "c", "d", "e"]
Engine = SqliteEngine | PostgresEngine


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(params=["sqlite", "postgres"])
async def engine(
    request: pytest.FixtureRequest,
    clock: FakeClock,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncGenerator[Engine]:
    built: Engine = (
        SqliteEngine(tmp_path / "jobs.db", clock=clock)
        if request.param == "sqlite"
        else PostgresEngine(request.getfixturevalue("postgres_database"), clock=clock)
    )
    monkeypatch.setattr(f"dutiful.engines.{request.param}.schedules.reviewing.REVIEWED_MAX", 2)
    await built.open()
    yield built
    await built.close()


async def make(engine: Engine, clock: FakeClock) -> None:
    """Have each schedule make one occurrence."""
    for name in NAMES:
        schedule = Schedule(name=name, task="t", rule=Interval(MINUTE), start_within=MINUTE)
        await engine.schedules.put_schedule(schedule, replace=False)
    clock.advance("1m")
    batch = await engine.schedules.due(10)
    await engine.schedules.advance([move for due in batch.due if (move := advance(due, batch.now))])
    await engine.schedules.switch(NAMES, "pause")


async def reported(engine: Engine) -> list[str]:
    return [one.occurrence.schedule for one in await engine.schedules.review(10)]


async def test_all_are_met_in_turn_and_each_once(engine: Engine, clock: FakeClock) -> None:
    await make(engine, clock)
    clock.advance(MINUTE / SECOND + 1)
    assert [await reported(engine) for _ in range(6)] == [["a", "b"], ["c", "d"], ["e"], [], [], []]


async def test_what_is_not_yet_late_is_met_again(engine: Engine, clock: FakeClock) -> None:
    await make(engine, clock)
    assert [await reported(engine) for _ in range(4)] == [[], [], [], []]  # stands behind b
    clock.advance(MINUTE / SECOND + 1)
    assert [await reported(engine) for _ in range(4)] == [["c", "d"], ["e"], ["a", "b"], []]
