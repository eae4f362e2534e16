"""Copies into a database that cannot hold all that its source holds."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest
from msgspec.structs import replace

from dutiful.contract.facade import Store
from dutiful.contract.roles.transfer import Record, ScheduleHistory
from dutiful.core.job import AttemptError, Job
from dutiful.core.schedule import written
from dutiful.core.state import State
from dutiful.engines.postgres import PostgresEngine
from dutiful.engines.sqlite import SqliteEngine
from dutiful.servers.postgres import LocalServer
from dutiful.services.copy_store import StoreCopy
from dutiful.services.transfer_schedules import transfer_schedules
from dutiful.services.verify_copy import read_back
from dutiful.testing.conformance.moves import hand, new, take
from dutiful.testing.conformance.schedule_history import CLOSED, FULL, SKIPPED
from dutiful.testing.conformance.schedule_moves import tick
from tests.engines.postgres.test_encodings import database

LONG = "".join(random.Random(5).choices([chr(letter) for letter in range(0x4E00, 0x9000)], k=6000))
"""A name that is too long for an index, and cannot be made shorter by packing."""


@pytest.fixture
async def source(tmp_path: Path) -> AsyncIterator[Any]:
    engine: Any = SqliteEngine(tmp_path / "jobs.db")
    await engine.open()
    await engine.fleet.join(hand("w1"))
    yield engine
    await engine.close()


@pytest.fixture
async def target(postgres: LocalServer) -> AsyncIterator[Any]:
    async with database(postgres, "LATIN1") as url:
        engine: Any = PostgresEngine(url)
        await engine.open()
        await engine.fleet.join(hand("w1"))
        yield engine
        await engine.close()


@pytest.mark.parametrize("name", ["nul\x00", LONG, "日本"])
async def test_a_queue_that_it_cannot_hold_costs_its_own_jobs(
    source: Any, target: Any, name: str
) -> None:
    fields = (State.QUEUED, 0, b"{}", 0, 9, 1, 1)
    await source.importer.fill([Record(Job("stays", "t", name, *fields))])
    await source.producer.enqueue([new(), new(queue="mail")])
    copier = StoreCopy(Store(source), Store(target))
    await copier.shut()
    await copier.pour()
    handed = await copier.hand_over()
    assert [refusal.id for refusal in handed.refused] == ["stays"]
    assert [record.job.id for record in (await source.exporter.dump(9)).records] == ["stays"]
    assert name in await source.exporter.shut_queues()
    assert handed.reopened == ("default", "mail")
    assert len(await take(target, 9, queues=("default", "mail"))) == 2


@pytest.mark.parametrize("name", ["nul\x00", LONG, "日本"])
async def test_a_paused_queue_that_it_cannot_hold_stops_no_copy(
    source: Any, target: Any, name: str
) -> None:
    await source.producer.enqueue([new()])
    await source.controller.pause(name)
    copier = StoreCopy(Store(source), Store(target))
    await copier.shut()
    await copier.pour()
    assert (await copier.hand_over()).reopened == ("default",)


async def test_a_copy_is_the_same_though_texts_of_errors_are_escaped(
    source: Any, target: Any
) -> None:
    await source.producer.enqueue([new(id="dead")])
    error = AttemptError("dead", 1, 5, "w1", "Größe", "日本 \x00", "…")
    await source.importer.fill(
        [Record(Job("b", "t", "default", State.QUEUED, 0, b"{}", 1, 9, 1, 1), (error,))]
    )
    copier = StoreCopy(Store(source), Store(target))
    await copier.shut()
    await copier.pour()
    reading = await read_back(copier, frozenset())
    assert (reading.jobs, reading.differing) == (2, ())
    assert (await target.inspector.errors("b"))[0].message == "\\u65e5\\u672c \\x00"
    assert (await copier.hand_over()).dropped == 2


async def test_a_schedule_that_it_cannot_hold_stays_alone(source: Any, target: Any) -> None:
    broken = replace(FULL, name="broken", broken="日本 \x00", paused_at=6_000)
    await source.importer.fill_schedules([ScheduleHistory(broken)], "x")
    await source.schedules.put_schedule(tick("tags", tags=("日本",)), replace=False)
    for name in ("a", "z"):
        await source.schedules.put_schedule(tick(name), replace=False)
    app = replace(FULL, name="app", app="日本", spec=written(tick("app")), paused_at=6_000)
    await source.importer.fill_schedules([ScheduleHistory(app)], "x")
    await source.producer.enqueue([new()])
    copier = StoreCopy(Store(source), Store(target))
    await copier.shut()
    await copier.pour()
    handed = await copier.hand_over()
    assert handed.schedules.moved == ("a", "broken", "z")
    assert handed.schedules.kept == ("app", "tags")
    assert [refusal.id for refusal in handed.schedules.refused] == ["app", "tags"]
    assert [one.name for one in await source.schedules.standings()] == ["app", "tags"]
    assert (await target.schedules.standings(["broken"]))[0].broken == "\\u65e5\\u672c \\x00"
    assert handed.reopened == ("default",)


@pytest.mark.parametrize(
    "changes",
    [
        "planned = char(0) || 'x' || planned",
        "why = 'NUL ' || char(0)",
        "job_id = x'00ff'",
        "number = -5, kind = 'odd'",
    ],
)
async def test_a_history_that_cannot_be_read_holds_no_schedule_up(
    source: Any, target: Any, tmp_path: Path, changes: str
) -> None:
    good = replace(SKIPPED, planned=9_000, recorded_at=9_001)
    paused = replace(FULL, paused_at=6_000)
    await source.importer.fill_schedules([ScheduleHistory(paused, (CLOSED, SKIPPED, good))], "x")
    with closing(sqlite3.connect(tmp_path / "jobs.db", isolation_level=None)) as connection:
        change = f"SET {changes} WHERE planned < 9000"
        connection.execute(f"UPDATE dutiful_occurrence {change}")
    carried = await transfer_schedules(Store(source), Store(target))
    assert (carried.moved, carried.kept) == (("tick",), ())
    kept = await target.schedules.occurrences("tick", 10)
    assert kept[0] == good
    assert len(kept) == (3 if "why" in changes else 1)


async def test_what_an_older_release_has_shut_any_copy_may_open(
    source: Any, target: Any, tmp_path: Path
) -> None:
    await source.exporter.shut(["default"], "x")
    await source.importer.fill_schedules([ScheduleHistory(FULL)], "x")
    await target.exporter.shut(["default"], "x")
    await target.importer.fill_schedules([ScheduleHistory(FULL)], "x")
    with closing(sqlite3.connect(tmp_path / "jobs.db", isolation_level=None)) as connection:
        connection.execute("UPDATE dutiful_queue SET shut_for = NULL")
        connection.execute("UPDATE dutiful_schedule SET shut_for = NULL")
    with psycopg.connect(target.session.address.conninfo, autocommit=True) as server:
        server.execute("UPDATE dutiful.queue SET shut_for = NULL")
        server.execute("UPDATE dutiful.schedule SET shut_for = NULL")
    for engine in (source, target):
        assert await engine.exporter.shut_queues("y") == ("default",)
        assert await engine.exporter.reopen(["default"], "y") == ("default",)
        assert await engine.importer.reopen_schedules(["tick"], "y") == ("tick",)


async def test_an_id_that_another_program_spoilt_is_an_id(
    source: Any, target: Any, tmp_path: Path
) -> None:
    with closing(sqlite3.connect(tmp_path / "jobs.db", isolation_level=None)) as connection:
        connection.execute("UPDATE dutiful_fence SET store = x'ff41'")
    await source.producer.enqueue([new()])
    copier = StoreCopy(Store(source), Store(target))
    await copier.shut()
    await copier.pour()
    assert (await copier.hand_over()).reopened == ("default",)
    assert await source.exporter.identity() == "\\xffA"
