"""Schedules on a real server: their plans, their locks, and what people see of them."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import psycopg
import pytest
from msgspec.structs import replace
from psycopg import RawCursor

from dutiful.core.advance import advance
from dutiful.core.errors import BadPayload
from dutiful.core.instant import SECOND
from dutiful.core.occurrence import Advance
from dutiful.core.rule import Interval
from dutiful.core.schedule import Schedule
from dutiful.engines.postgres import PostgresEngine
from dutiful.engines.postgres.connections.session_settings import PINS
from dutiful.engines.postgres.schedules.advancing import advance as moving
from dutiful.testing import FakeClock

PATIENCE = "dutiful.engines.postgres.schedules.advancing.PATIENCE"
FILL = """
INSERT INTO dutiful.schedule (
  name, spec, app, exclusive, version, number, created_at, changed_at, next_at, since
)
SELECT 'filled' || n, '{}', 'shop', true, 1, 0, 1, 1, $1::bigint + n, 1
FROM generate_series(1, $2::integer) AS n
"""
FILL_OCCURRENCES = """
INSERT INTO dutiful.occurrence (
  schedule, planned, number, kind, job_id, recorded_at, backfilled, open
)
SELECT 'filled' || n % 20, n, n, 'enqueued', 'job' || n, 1, false, n % 1000 = 0
FROM generate_series(1, $1::integer) AS n
"""
FUTURE = 4_000_000_000 * SECOND
"""Later than any clock."""
NAMES = ["filled1", "filled2"]


def every_second(name: str = "tick", **fields: Any) -> Schedule:
    return Schedule(name=name, task="t", rule=Interval(SECOND), **fields)


@pytest.fixture
async def engine(postgres_database: str) -> AsyncIterator[PostgresEngine]:
    engine = PostgresEngine(postgres_database, clock=FakeClock())
    await engine.open()
    yield engine
    await engine.close()


@pytest.fixture
def server(engine: PostgresEngine, postgres_database: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(postgres_database, autocommit=True, cursor_factory=RawCursor) as server:
        yield server


async def due(engine: PostgresEngine) -> tuple[list[Advance], list[str]]:
    """Create a schedule, let a second pass, and decide; return the moves and their jobs."""
    await engine.schedules.put_schedule(every_second(), replace=False)
    clock = engine.session._clock
    assert isinstance(clock, FakeClock)
    clock.advance("1s")
    batch = await engine.schedules.due(100)
    moves = [move for one in batch.due if (move := advance(one, batch.now)) is not None]
    return moves, [one.job.id for move in moves for one in move.occurrences if one.job]


@pytest.mark.parametrize(
    ("name", "params", "indexes"),
    [
        ("schedules_due", (1000, None), {"schedule_due", "schedule_held"}),
        ("schedules_admit", (NAMES, [1, 1], [False, False], "2s"), {"schedule_pkey"}),
        ("schedules_locked", (NAMES,), {"schedule_pkey"}),
        ("schedules_of", ("shop",), {"schedule_app"}),
        ("live", (NAMES,), {"occurrence_open", "job_id"}),
        ("occurrences", ("filled1", None, 10), {"occurrence_pkey", "job_id"}),
        ("occurrences_open", (None, 10, "", 0, "~", 0), {"occurrence_open", "job_id"}),
        ("occurrences_upto", ("", 0, 9_999), {"occurrence_open"}),
        ("occurrences_forget", (NAMES, [5, 5]), {"occurrence_closed"}),
        ("occurrences_delete", (NAMES,), {"occurrence_pkey"}),
    ],
)
async def test_schedules_stay_on_their_indexes_while_the_statistics_are_old(
    engine: PostgresEngine,
    server: psycopg.Connection,
    name: str,
    params: tuple[Any, ...],
    indexes: set[str],
) -> None:
    for table in ("schedule", "occurrence", "job"):
        server.execute(f"ALTER TABLE dutiful.{table} SET (autovacuum_enabled = off)".encode())
        server.execute(f"VACUUM ANALYZE dutiful.{table}".encode())
    server.execute(FILL, (FUTURE, 10_000))
    server.execute(FILL_OCCURRENCES, (20_000,))
    server.execute(PINS)
    text = f"EXPLAIN (FORMAT TEXT) {engine.session.sql(name)}".encode()
    lines = [line for (line,) in server.execute(text, params).fetchall()]
    found = {word for line in lines for word in line.split() if word in ALL_INDEXES}
    assert found == indexes, lines
    assert not any("Seq Scan" in line for line in lines), lines


ALL_INDEXES = {
    *("schedule_pkey", "schedule_due", "schedule_held", "schedule_app"),
    *("occurrence_pkey", "occurrence_open", "occurrence_closed"),
    *("job_id", "job_final", "job_ready", "job_due", "job_dead"),
}


async def test_ten_thousand_idle_schedules_cost_one_look(
    engine: PostgresEngine, server: psycopg.Connection
) -> None:
    server.execute(FILL, (FUTURE, 10_000))
    server.execute("VACUUM ANALYZE dutiful.schedule")
    server.execute(PINS)
    text = f"EXPLAIN (ANALYZE, BUFFERS) {engine.session.sql('schedules_due')}".encode()
    lines = [line for (line,) in server.execute(text, (1000, None)).fetchall()]
    (buffers, *_) = [line for line in lines if "Buffers:" in line]
    pages = sum(int(part.partition("=")[2]) for part in buffers.split() if "=" in part)
    assert pages < 12, lines
    batch = await engine.schedules.due(1000)
    assert batch.due == ()
    assert batch.next_in == FUTURE + 1 - batch.now


async def test_who_stops_half_way_holds_nobody_up(
    engine: PostgresEngine, postgres_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    moves, made = await due(engine)
    monkeypatch.setattr(PATIENCE, "200ms")
    with psycopg.connect(postgres_database, cursor_factory=RawCursor) as frozen:
        first = next(moving(engine.session.sql, None, moves=moves))
        frozen.execute(first.text.encode(), (["tick"], [moves[0].version], [False], "200ms"))
        assert (
            await engine.schedules.advance(moves)
        ).accepted == ()  # at once, and not after a wait
        with pytest.raises(psycopg.Error):  # the server has ended its session
            await asyncio.to_thread(lambda: list(frozen.notifies(timeout=60)))
    assert (await engine.schedules.advance(moves)).made == tuple(made)


async def test_a_move_that_fails_leaves_neither_occurrence_nor_job(engine: PostgresEngine) -> None:
    moves, made = await due(engine)
    # No column holds that; it is sent after the occurrence.
    with pytest.raises(BadPayload):
        await engine.schedules.advance([replace(moves[0], last=1 << 70)])
    assert await engine.schedules.occurrences("tick", 10) == ()
    assert (await engine.schedules.advance(moves)).made == tuple(made)


async def test_people_see_schedules_in_readable_types(
    engine: PostgresEngine, server: psycopg.Connection
) -> None:
    moves, made = await due(engine)
    await engine.schedules.advance(moves)
    await engine.schedules.switch(["tick"], "pause")
    text = "SELECT task, state, occurrences, next_at - last_at FROM dutiful.schedules"
    task, state, count, gap = server.execute(text).fetchone() or ()
    assert (task, state, count, gap.total_seconds()) == ("t", "paused", len(made), 1.0)
    text = "SELECT count(*) FROM dutiful.occurrences JOIN dutiful.jobs ON id = job_id"
    assert server.execute(text).fetchone() == (len(made),)
