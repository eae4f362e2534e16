"""No byte that another program stores among the lines of a job stops a worker or a command."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from msgspec.structs import replace

from dutiful import App
from dutiful.contract.facade import Store
from dutiful.core.job import Claim
from dutiful.core.outcome import Discarded, Released
from dutiful.core.task_log import STORED_MAX, UNREADABLE, LogLine
from dutiful.services.copy_store import StoreCopy
from dutiful.testing.conformance.moves import add, ending, hand
from dutiful.testing.conformance.roles import Roles

ODD: list[Any] = [
    b"\xff\xfe",
    b"",
    b"[1]",
    b'[{"attempt":1}]',
    b"[" * 50_000,
    b'[{"attempt":1,"at":1,"level":"","logger":"","message":"\\ud800"}]',
    b" " * (STORED_MAX + 1),
]
UNTYPED: list[Any] = ["x", "", 1.5, 2**63 - 1, "\x00", "[" * 50_000]
"""What SQLite takes beside."""
LINE = LogLine(1, 1, "info", "shop", "fresh")

Spoil = Callable[[str, Any], None]


async def _goes_on(app: App, spoil: Spoil, values: list[Any]) -> None:
    store, roles = app.store, Roles(app.store.engine)
    await store.fleet.join(hand("w1"))
    for value in values:
        job_id = await add(roles)
        for outcome in (Released(), Discarded("no use")):
            claim = await _claim(store)
            item = ending(replace(claim, log=(LINE,)), outcome)
            assert (await store.consumer.exchange("w1", [item], None)).refused == ()
            if isinstance(outcome, Released):
                spoil(job_id, value)
                assert [one.message for one in await app.jobs.alogs(job_id)] == [UNREADABLE]
        found = [one.message for one in await app.jobs.alogs(job_id)]
        assert found == [UNREADABLE, "fresh"]
        spoil(job_id, value)
    target = App("memory://")
    async with target:
        poured = await StoreCopy(store, target.store).pour()
        assert not poured.refused
        assert [one.message for one in await target.jobs.alogs(job_id)] == [UNREADABLE]
    done = await app.dead.apurge(all=True)
    assert done.changed == len(values)


async def _claim(store: Store) -> Claim:
    """Claim the job; on PostgreSQL a claim begins where the last one ended, then at the front."""
    for _ in range(3):
        if claims := (await store.consumer.exchange("w1", [], _wanted())).claims:
            return claims[0]
    raise AssertionError("no claim of a due job")


def _wanted() -> Any:
    from dutiful.contract.roles.consumer import Wanted

    return Wanted(("default",), 1)


async def test_sqlite(tmp_path: Path) -> None:
    app = App(f"sqlite:///{tmp_path}/jobs.db")

    def spoil(job_id: str, value: Any) -> None:
        with contextlib.closing(sqlite3.connect(tmp_path / "jobs.db")) as foreign:
            foreign.execute("UPDATE dutiful_job_log SET body = ? WHERE id = ?", (value, job_id))
            foreign.commit()

    async with app:
        await _goes_on(app, spoil, ODD + UNTYPED)


async def test_postgres(postgres_url: str) -> None:
    schema = postgres_url.rpartition("=")[2]
    app = App(postgres_url)

    def spoil(job_id: str, value: Any) -> None:
        with psycopg.connect(postgres_url.partition("?")[0], autocommit=True) as foreign:
            table = f'"{schema}".job_log'
            text: Any = f"UPDATE {table} SET body = %s WHERE job_id = %s"  # noqa: S608 - our names
            foreign.execute(text, (value, job_id))

    async with app:
        await _goes_on(app, spoil, ODD)


async def test_lines_of_a_row_that_was_used_before_are_not_another_jobs(tmp_path: Path) -> None:
    app = App(f"sqlite:///{tmp_path}/jobs.db")
    async with app:
        await app.store.fleet.join(hand("w1"))
        job_id = await add(Roles(app.store.engine))
        with contextlib.closing(sqlite3.connect(tmp_path / "jobs.db")) as foreign:
            foreign.execute("INSERT INTO dutiful_job_log VALUES (1, 'gone', x'ff')")
            foreign.commit()
        assert await app.jobs.alogs(job_id) == ()
        (claim,) = (await app.store.consumer.exchange("w1", [], _wanted())).claims
        item = ending(replace(claim, log=(LINE,)), Discarded("no use"))
        await app.store.consumer.exchange("w1", [item], None)
        assert [one.message for one in await app.jobs.alogs(job_id)] == ["fresh"]


@pytest.mark.parametrize("value", ODD)
async def test_memory(value: Any) -> None:
    async with App("memory://") as app:
        job_id = await add(Roles(app.store.engine))
        engine: Any = app.store.engine
        engine.tables.logs[job_id] = value
        assert [one.message for one in await app.jobs.alogs(job_id)] == [UNREADABLE]
