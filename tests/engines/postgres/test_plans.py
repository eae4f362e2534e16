"""Hot statements keep their plans while the statistics tell of another time."""

import re
from collections.abc import Iterator

import psycopg
import pytest
from psycopg import RawCursor

from dutiful.engines.postgres import PostgresEngine
from dutiful.engines.postgres.connections.session_settings import PINS

FILL = """
INSERT INTO dutiful.job (
  id, task, queue, state, priority, args, max_attempts, enqueued_at, run_at
)
SELECT n::text || random(), 'noop', 'default', $1::smallint, 0, '', 1, n, n
FROM generate_series(1, $2::integer) AS n
"""


@pytest.fixture
def server(engine: PostgresEngine, postgres_database: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(postgres_database, autocommit=True, cursor_factory=RawCursor) as server:
        yield server


BY_ID = [
    "succeed",
    "settle",
    "settle_locked",
    "fail",
    "same_fence",
    "held",
    "step_add",
    "steps_of",
    "replace",
]


@pytest.mark.parametrize("name", BY_ID)
async def test_jobs_are_settled_by_their_ids(
    engine: PostgresEngine, server: psycopg.Connection, name: str
) -> None:
    """The index of running jobs was empty when it was last looked at, and is full of dead ones."""
    server.execute("ALTER TABLE dutiful.job SET (autovacuum_enabled = off)")
    server.execute(FILL, (4, 5000))
    server.execute("VACUUM ANALYZE dutiful.job")
    server.execute(FILL, (2, 5000))
    server.execute(PINS)
    text = f"EXPLAIN (GENERIC_PLAN) {engine.session.sql(name)}"
    plan = [line for (line,) in server.execute(text.encode()).fetchall()]
    assert any("Index Scan using job_id on job" in line for line in plan), plan
    assert not any("Seq Scan on job" in line or "job_running" in line for line in plan), plan


BY_STATE = {
    "abandoned": "job_running",
    "claimed": "job_running",
    "claims_review": "job_running",
    "forget": "job_running",
    "prunable": "job_final",
    "prune": "job_final",
}


async def test_jobs_of_some_states_are_found_in_the_index_of_those(
    engine: PostgresEngine, server: psycopg.Connection
) -> None:
    server.execute(FILL, (4, 5000))
    server.execute("VACUUM ANALYZE dutiful.job")
    server.execute(PINS)
    for name, index in BY_STATE.items():
        text = f"EXPLAIN (GENERIC_PLAN) {engine.session.sql(name)}"
        found, others = scans(server.execute(text.encode()).fetchall(), index)
        assert found > 0, name
        assert all("Tid Scan" in line for line in others), (name, others)


async def test_a_look_leaps_along_the_index_of_jobs_for_later(
    engine: PostgresEngine, server: psycopg.Connection
) -> None:
    server.execute(FILL, (0, 50))
    server.execute(FILL, (4, 5000))
    server.execute("VACUUM ANALYZE dutiful.job")
    server.execute(PINS)
    # Only a plan that was carried out tells of what follows from one queue to the next.
    text = f"EXPLAIN (ANALYZE) {engine.session.sql('look')}"
    plan = server.execute(text.encode(), ("w1", None)).fetchall()
    assert scans(plan, "job_due") == (3, []), plan


@pytest.mark.parametrize(
    ("state", "index"),
    [("scheduled", "job_due"), ("queued", "job_ready"), ("running", "job_running")],
)
def test_a_reader_of_the_view_finds_jobs_of_one_state_by_their_index(
    server: psycopg.Connection, state: str, index: str
) -> None:
    server.execute(FILL, (4, 5000))
    server.execute("VACUUM ANALYZE dutiful.job")
    found = server.execute("EXPLAIN SELECT id FROM dutiful.jobs WHERE state = $1", (state,))
    assert scans(found.fetchall(), index) == (1, [])


def scans(plan: list[tuple[str]], index: str) -> tuple[int, list[str]]:
    """Count the scans of jobs that use an index, and name the others."""
    found = [line for (line,) in plan if re.search(r"Scan .*\bon job\b", line)]
    others = [line for line in found if f" using {index} " not in line]
    return len(found) - len(others), others


@pytest.mark.parametrize("words", ["", "AND state >= 5 AND state = 5"])
async def test_a_page_is_walked_and_not_sorted(
    engine: PostgresEngine, server: psycopg.Connection, words: str
) -> None:
    server.execute(FILL, (4, 5000))
    server.execute(FILL, (5, 5000))
    server.execute("VACUUM ANALYZE dutiful.job")
    text = engine.session.sql("find").replace("{conditions}", words).replace("{order}", "id")
    found = server.execute(f"EXPLAIN {text}".encode(), (21,)).fetchall()
    plan = [line for (line,) in found]
    index = "job_dead_id" if "5" in words else "job_id"
    assert any(f"Index Scan Backward using {index}" in line for line in plan), plan
    assert not any("Sort" in line for line in plan), plan


@pytest.mark.parametrize("name", ["claim", "claim_behind", "stage"])
async def test_rows_are_taken_by_their_place(
    engine: PostgresEngine, server: psycopg.Connection, name: str
) -> None:
    """An index that was empty when it was last looked at seems cheap to walk from end to end."""
    server.execute("ALTER TABLE dutiful.job SET (autovacuum_enabled = off)")
    server.execute(FILL, (4, 5000))
    server.execute("VACUUM ANALYZE dutiful.job")
    server.execute(FILL, (0 if name == "stage" else 1, 5000))
    server.execute(PINS)
    text = f"EXPLAIN (GENERIC_PLAN) {engine.session.sql(name)}"
    plan = server.execute(text.encode()).fetchall()
    assert any("Tid Scan" in line for (line,) in plan), plan
    index = "job_due" if name == "stage" else "job_ready"
    assert any(f"Index Scan using {index}" in line for (line,) in plan), plan
    assert not any("Sort" in line for (line,) in plan), plan
