"""Old jobs go in slices however long the dead entries before them; what holds those is named."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from psycopg import RawCursor

from dutiful.contract.page import Filter
from dutiful.contract.roles.health import HealthWarning
from dutiful.core.instant import HOUR
from dutiful.core.outcome import Discarded
from dutiful.core.state import State
from dutiful.engines.postgres import PostgresEngine
from dutiful.engines.postgres.connections.session_settings import PINS
from dutiful.servers.postgres import LocalServer, local_server
from dutiful.testing.clock import FakeClock
from dutiful.testing.conformance.moves import add, end, hand, kill, take
from tests.engines.postgres.noted import statements
from tests.servers.postgres import programs

OLD = "dutiful.engines.postgres.health.HELD_SECONDS"
AGED = "dutiful.engines.postgres.health.HELD_TRANSACTIONS"
FILL = """
INSERT INTO dutiful.job (
  id, task, queue, state, priority, args, max_attempts, enqueued_at, run_at, finished_at
)
SELECT $1::text || n, 'noop', 'default', $1::smallint, 0, '', 1, n, n,
  CASE WHEN $1::smallint >= 4 THEN n END
FROM generate_series(1, $2::integer) AS n
"""


@pytest.fixture
def server(engine: PostgresEngine, postgres_database: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(postgres_database, autocommit=True, cursor_factory=RawCursor) as server:
        yield server


async def test_without_anything_to_prune_nothing_is_written(
    postgres_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = FakeClock()
    engine = PostgresEngine(postgres_database, clock=clock)
    await engine.open()
    await engine.fleet.join(hand("w1"))
    await kill(engine)
    clock.advance("1h")

    async def write(plan: object) -> None:
        raise AssertionError("there is nothing to prune")

    with monkeypatch.context() as patch:
        patch.setattr(engine.session.async_query_pool, "run", write)
        assert await engine.retention.prune(State.DEAD, HOUR, 10) == 0
        assert await engine.retention.prune(State.SUCCEEDED, 0, 10) == 0
    assert await engine.retention.prune(State.DEAD, HOUR - 1, 10) == 1
    await engine.close()


async def test_a_long_tally_is_folded_though_nothing_is_pruned(
    engine: PostgresEngine, server: psycopg.Connection
) -> None:
    await kill(engine)
    server.execute(
        "INSERT INTO dutiful.tally (name, count) SELECT 'enqueued', 1 FROM generate_series(1, 1500)"
    )
    assert await engine.retention.prune(State.SUCCEEDED, 0, 10) == 0
    assert server.execute("SELECT count(*) FROM dutiful.tally").fetchone() == (1,)
    assert (await engine.inspector.tally())["enqueued"] == 1501


@pytest.mark.parametrize(("rows", "left"), [(2, 2), (3, 1)])
async def test_a_tally_is_folded_when_it_has_more_rows_than_are_left(
    engine: PostgresEngine,
    server: psycopg.Connection,
    monkeypatch: pytest.MonkeyPatch,
    rows: int,
    left: int,
) -> None:
    monkeypatch.setattr("dutiful.engines.postgres.retention._TALLIES", 2)
    for _ in range(rows):
        await add(engine)
    assert await engine.retention.prune(State.SUCCEEDED, 0, 10) == 0
    assert server.execute("SELECT count(*) FROM dutiful.tally").fetchone() == (left,)


async def test_slices_go_on_where_the_last_one_ended_and_forget_nobody(
    engine: PostgresEngine, server: psycopg.Connection
) -> None:
    server.execute(FILL, (4, 9))
    assert await engine.retention.prune(State.SUCCEEDED, 0, 4) == 4
    assert engine.session.pruned == {4: 4}
    # One that ended earlier is committed only now.
    server.execute("UPDATE dutiful.job SET finished_at = 1 WHERE id = '47'")
    assert await engine.retention.prune(State.SUCCEEDED, 0, 4) == 4
    assert [job.id for job in (await engine.inspector.find(Filter(), 10)).jobs] == ["47"]
    counts = [await engine.retention.prune(State.SUCCEEDED, 0, 4) for _ in range(2)]
    assert sum(counts) == 1
    assert (await engine.inspector.tally())["pruned"] == 9
    assert server.execute("SELECT FROM dutiful.tally WHERE count = 0").fetchall() == []


async def test_slices_go_on_among_jobs_that_ended_at_the_same_time(
    engine: PostgresEngine, server: psycopg.Connection
) -> None:
    server.execute(FILL, (4, 9))
    server.execute("UPDATE dutiful.job SET finished_at = 7 WHERE finished_at < 7")
    assert [await engine.retention.prune(State.SUCCEEDED, 0, 4) for _ in range(3)] == [
        4,
        4,
        1,
    ]


async def test_a_prune_that_raises_no_floor_writes_none(
    engine: PostgresEngine, server: psycopg.Connection
) -> None:
    """Else all who prune or purge would wait for each other."""
    for _ in range(3):
        await add(engine)
    for claim in await take(engine, 3):
        assert await end(engine, claim, Discarded("no use"))
    written = "SELECT floor, xmin FROM dutiful.fence"
    before = server.execute(written).fetchall()
    assert await engine.retention.prune(State.DEAD, 0, 1) == 1
    raised = server.execute(written).fetchall()
    assert raised != before
    assert await engine.retention.prune(State.DEAD, 0, 1) == 1
    (left,) = (await engine.inspector.find(Filter(), 10)).jobs
    assert await engine.controller.purge([left.id]) == (left.id,)
    assert server.execute(written).fetchall() == raised


async def test_a_purge_of_nobody_counts_nobody(
    engine: PostgresEngine, server: psycopg.Connection
) -> None:
    assert await engine.controller.purge(["nobody"]) == ()
    assert server.execute("SELECT FROM dutiful.tally").fetchall() == []


async def test_one_statement_purges_all_that_have_ended(
    engine: PostgresEngine, server: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids: list[str] = []
    for state in (4, 5, 6):
        server.execute(FILL, (state, 1))
        ids.append(f"{state}1")
    said = statements(monkeypatch)
    assert await engine.controller.purge(ids) == tuple(ids)
    assert len([query for query in said if '"dutiful".job' in query]) == 1, said


@pytest.mark.parametrize(
    ("name", "state", "more"),
    [("run_now", 0, (None,)), ("purge", 4, (False,)), ("ended", 5, None)],
)
async def test_jobs_are_found_by_id_while_the_statistics_are_old(
    server: psycopg.Connection, engine: PostgresEngine, name: str, state: int, more: Any
) -> None:
    server.execute(FILL, (1, 500))
    server.execute("ALTER TABLE dutiful.job SET (autovacuum_enabled = off)")
    server.execute("VACUUM ANALYZE dutiful.job")
    server.execute(FILL, (state, 20_000))
    server.execute(PINS)
    params = ("77",) if more is None else (["77", "78"], *more)
    plan = server.execute(f"EXPLAIN {engine.session.sql(name)}".encode(), params).fetchall()
    assert any("using job_id" in line for (line,) in plan), plan


@pytest.mark.parametrize(
    ("name", "state", "params"),
    [
        ("claim", 1, ("w1", "default", 100, None)),
        ("claim_behind", 1, ("w1", "default", 100, None, 0, 7, 7)),
        ("stage", 0, ("default", 100, None)),
    ],
)
async def test_named_rows_are_not_searched_for_in_an_index(
    server: psycopg.Connection, engine: PostgresEngine, name: str, state: int, params: Any
) -> None:
    server.execute("ALTER TABLE dutiful.job SET (autovacuum_enabled = off)")
    server.execute(FILL, (4, 500))
    server.execute("VACUUM ANALYZE dutiful.job")  # next to none are ready, as far as it knows
    server.execute(FILL, (state, 500))
    server.execute(PINS)
    plan = server.execute(f"EXPLAIN {engine.session.sql(name)}".encode(), params).fetchall()
    assert any("Tid Scan" in line for (line,) in plan), plan


async def test_a_writer_that_forgot_to_commit_is_named(
    engine: PostgresEngine, postgres_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(OLD, 0)
    with psycopg.connect(postgres_database, application_name="report") as holder:
        holder.execute("CREATE TABLE mine (n int)")  # it keeps no snapshot between statements
        (held,) = await engine.health.warnings()
        assert held.about == f"snapshot report {holder.info.backend_pid}"
        holder.rollback()
        assert await engine.health.warnings() == ()


async def test_a_role_that_may_not_see_the_time_goes_by_the_age(
    server: psycopg.Connection,
    engine: PostgresEngine,
    postgres_database: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    role = f"role_{uuid4().hex[:8]}"
    server.execute(f"CREATE ROLE {role} LOGIN".encode())
    server.execute(f"GRANT USAGE ON SCHEMA dutiful TO {role}".encode())
    server.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA dutiful TO {role}".encode())
    monkeypatch.setattr(AGED, 10)
    limited = PostgresEngine(postgres_database.replace("postgres@", f"{role}@"))
    with psycopg.connect(postgres_database, application_name="report") as holder:
        holder.execute("CREATE TABLE mine (n int)")
        assert await limited.health.warnings() == ()
        for _ in range(20):
            server.execute("SELECT pg_current_xact_id()")
        who = f"report {holder.info.backend_pid}"
        assert await limited.health.warnings() == (
            HealthWarning(f"snapshot {who}", f"snapshot {who} prevents the removal of dead rows"),
        )
    await limited.close()
    server.execute(f"DROP OWNED BY {role}".encode())
    server.execute(f"DROP ROLE {role}".encode())


@pytest.fixture
def preparing() -> Iterator[LocalServer]:
    """A server that takes prepared transactions, and tells of a slot for logical replication."""
    with local_server(Path(tempfile.gettempdir()), programs=programs()) as server:
        server.stop()
        server.settings |= {"max_prepared_transactions": "2", "wal_level": "logical"}
        server.start()
        yield server


async def test_a_prepared_transaction_is_named_and_a_logical_slot_is_not(
    preparing: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(OLD, 0)
    monkeypatch.setattr(AGED, -1)
    engine = PostgresEngine(preparing.url())
    with psycopg.connect(preparing.url(), autocommit=True) as connection:
        # Its horizon is the catalogue's: rows of other tables are removed all the same.
        connection.execute("SELECT pg_create_logical_replication_slot('feed', 'pgoutput')")
        connection.execute("BEGIN")
        connection.execute("CREATE TABLE mine (n int)")
        connection.execute("PREPARE TRANSACTION 'forgotten'")
        (held,) = await engine.health.warnings()
        assert held.about == "prepared transaction forgotten"
        connection.execute("ROLLBACK PREPARED 'forgotten'")
    assert await engine.health.warnings() == ()
    await engine.close()
