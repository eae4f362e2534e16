"""``dutiful schedules run`` and ``backfill``: hooks, unique keys, and what may have run."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from msgspec.structs import replace

from dutiful import App
from dutiful.contract.roles.schedule_store import KEPT_MAX
from dutiful.core.advance import staying
from dutiful.core.instant import MINUTE
from dutiful.core.occurrence import Occurrence
from tests.cli.calendar_shop import AT, MODULE, declared
from tests.cli.conftest import Run

HOOK = """

@app.on_enqueue
def closed(job):
    raise LookupError("the shop was closed")
"""
UNIQUE = "@app.task(unique=True)\ndef tidy"


def test_hooks_run_where_an_app_is_named(
    tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    declared(tmp_path, monkeypatch, MODULE + HOOK)
    said = run("schedules", "run", "report", *AT)
    assert (said.code, "an on_enqueue hook refused the job of schedule report" in said.err) == (
        2,
        True,
    )
    stretch = ("--from", "2026-01-01", "--to", "2026-01-10", "--yes")
    said = run("schedules", "backfill", "report", *stretch, *AT)
    assert (said.code, "10 of 10 instants of report were refused" in said.err) == (2, True)
    bare = ("--url", f"sqlite:///{tmp_path}/jobs.db")
    monkeypatch.delenv("DUTIFUL_APP", raising=False)
    said = run("schedules", "run", "report", *bare)
    assert "so no on_enqueue hooks were run; add --app" in said.out
    assert run("schedules", "run", "report", "--json", *bare).json["hooks_run"] is False
    said = run("schedules", "backfill", "report", *stretch, *bare)
    assert said.out.startswith("10 jobs enqueued, 0 were there already.")
    assert "so no on_enqueue hooks were run" in said.out


def test_a_run_says_whose_job_holds_its_key(
    tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    declared(tmp_path, monkeypatch, MODULE.replace("@app.task\ndef tidy", UNIQUE))
    made = ("tidy", "--every", "5m", "--args", '{"count": 1}')
    assert run("schedules", "create", "t", *made, *AT).code == 0
    first = run("schedules", "run", "t", "--json", *AT).json
    assert first["created"] is True
    said = run("schedules", "run", "t", *AT)
    assert said.out == f"Enqueued nothing: job {first['job_id']} holds its unique key.\n"
    assert "holds its unique key" in run("schedules", "show", "t", *AT).out
    stretch = ("--from", "2026-01-01", "--to", "2026-01-02", "--yes")
    said = run("schedules", "backfill", "t", *stretch, *AT)
    assert (said.code, "say unique=None at the schedule" in said.err) == (2, True)


def test_what_may_have_run_is_not_backfilled_unasked(
    tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    declared(tmp_path, monkeypatch)

    async def forgetting() -> None:
        async with App(f"sqlite:///{tmp_path}/jobs.db") as app:
            (standing,) = await app.store.schedules.standings(["report"])
            start = standing.created_at - 3_000 * MINUTE
            rows = [
                Occurrence(planned=start + at * MINUTE, kind="skipped", why="so")
                for at in range(KEPT_MAX + 1)
            ]
            move = replace(staying(standing), occurrences=tuple(rows), by_hand=True)
            await app.store.schedules.advance([move])

    asyncio.run(forgetting())
    stretch = ("--from", "2026-01-01", "--to", "2026-01-10", "--yes")
    said = run("schedules", "backfill", "report", *stretch, *AT)
    assert (said.code, "say --forgotten to enqueue them all the same" in said.err) == (2, True)
    said = run("schedules", "backfill", "report", *stretch, "--forgotten", *AT)
    assert said.out.startswith("10 jobs enqueued")
