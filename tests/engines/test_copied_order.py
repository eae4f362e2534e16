"""Where a store has an order of its own for jobs due at one instant, a copy keeps it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dutiful.core.state import State
from dutiful.engines.memory import MemoryEngine
from dutiful.engines.postgres import PostgresEngine
from dutiful.engines.sqlite import SqliteEngine
from dutiful.testing import FakeClock
from dutiful.testing.conformance.copy import full
from dutiful.testing.conformance.moves import hand, take
from dutiful.testing.conformance.roles import Roles


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    clock = FakeClock()
    if request.param == "memory":
        return MemoryEngine(clock)
    if request.param == "sqlite":
        return SqliteEngine(tmp_path / "jobs.db", clock=clock)
    return PostgresEngine(request.getfixturevalue("postgres_url"), clock=clock)


async def test_filled_jobs_run_in_their_old_order(engine: Any) -> None:
    roles = Roles(engine)
    await engine.open()
    await roles.fleet.join(hand("w1"))
    fields = {"state": State.QUEUED, "queue": "default", "unique_key": None, "worker": None}
    fields |= {"run_at": 1, "cancel_requested": False}
    ids = [letter * 32 for letter in "cab"]
    await roles.importer.fill([full(id=job_id, **fields) for job_id in ids])
    claims = await take(roles, 10)
    assert [claim.job.id for claim in claims] == ids
    await engine.close()
