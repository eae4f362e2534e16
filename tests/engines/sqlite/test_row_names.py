"""``row:N`` names a job whose id is not text, and no other."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from dutiful.contract.page import Filter
from dutiful.contract.roles.controller import Redrive
from dutiful.core.job import Job
from dutiful.engines.sqlite import SqliteEngine
from tests.engines.sqlite.support import new, rows

NO_TEXT = {
    "bytes": "UPDATE dutiful_job SET id = x'ff'",
    "text that is no UTF-8": "UPDATE dutiful_job SET id = CAST(x'ff41' AS TEXT)",
}


def change(path: Path, text: str) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(text)


async def only(engine: SqliteEngine) -> Job:
    (job,) = (await engine.inspector.find(Filter(), 10)).jobs
    return job


async def test_it_finds_no_job_whose_id_is_text(engine: SqliteEngine, path: Path) -> None:
    await engine.producer.enqueue([new()])
    (job,) = (await engine.inspector.find(Filter(), 10)).jobs
    assert await engine.inspector.get(["row:1"]) == ()
    assert await engine.importer.fetch(["row:1"]) == ()
    assert await engine.controller.cancel(["row:1"]) == ()
    assert await engine.controller.run_now(["row:1"]) == ()
    change(path, "UPDATE dutiful_job SET state = 5, finished_at = 1")
    assert await engine.controller.redrive([Redrive("row:1")]) == ()
    assert await engine.controller.purge(["row:1"]) == ()
    assert [one.id for one in await engine.inspector.get([job.id])] == [job.id]


async def test_a_stale_name_leaves_the_next_job_of_its_row_alone(
    engine: SqliteEngine, path: Path
) -> None:
    await engine.producer.enqueue([new()])
    change(path, "UPDATE dutiful_job SET id = x'ff'")
    bad = await only(engine)
    assert bad.id == "row:1"
    assert await engine.controller.purge([bad.id]) == (bad.id,)
    await engine.producer.enqueue([new()])
    assert rows(path, "SELECT seq FROM dutiful_job") == [(1,)]
    assert await engine.controller.cancel([bad.id]) == ()
    assert await engine.controller.purge([bad.id]) == ()


@pytest.mark.parametrize("kind", NO_TEXT)
async def test_one_spelling_names_the_row(engine: SqliteEngine, path: Path, kind: str) -> None:
    await engine.producer.enqueue([new()])
    change(path, NO_TEXT[kind])
    for name in ("row:01", "row:+1", "row:\u0661", "row: 1", "row:1 ", "row:1\n", f"row:{2**63}"):
        assert await engine.inspector.get([name]) == ()
        assert await engine.controller.cancel([name]) == ()
    assert [one.id for one in await engine.inspector.get(["row:1"])] == ["row:1"]
    assert await engine.controller.cancel(["row:1"]) == ("row:1",)


async def test_a_row_below_zero_has_a_name(engine: SqliteEngine, path: Path) -> None:
    await engine.producer.enqueue([new()])
    change(path, "UPDATE dutiful_job SET id = x'ff', seq = -7")
    assert (await only(engine)).id == "row:-7"
    assert await engine.controller.purge(["row:-7"]) == ("row:-7",)


async def test_an_id_that_reads_like_one_is_an_id(engine: SqliteEngine) -> None:
    await engine.producer.enqueue([new(id="row:1"), new(id="row:5")])
    assert [one.id for one in await engine.inspector.get(["row:1", "row:5"])] == [
        "row:1",
        "row:5",
    ]
    assert await engine.controller.cancel(["row:5"]) == ("row:5",)
