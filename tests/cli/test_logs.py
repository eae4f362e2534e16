"""`jobs show` shows what tasks logged, on 80 columns and as JSON."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import pytest

from dutiful import App, Retry
from dutiful.worker.options import WorkerOptions
from dutiful.worker.worker import Worker
from tests.cli.conftest import Run

log = logging.getLogger("shop.billing")


@pytest.fixture
def stored(tmp_path: Path) -> tuple[str, str]:
    """Return the URL of a store, and the id of a job whose two attempts logged."""
    url = f"sqlite:///{tmp_path}/jobs.db"

    async def fill() -> str:
        app = App(url)

        @app.task(capture_logs="debug", retry=Retry(max_attempts=2, delay="0s"))
        async def charge(order: int) -> None:
            log.error("order %d \x1b[31m has a \x9b31m long text that takes two lines", order)
            for number in range(120):
                log.warning("line %d", number)
            raise ValueError("no")

        async with app:
            handle = await charge.aenqueue(42)
            await Worker(app, WorkerOptions(burst=True)).run()
        return handle.id

    return url, asyncio.run(fill())


def test_a_screen_shows_the_lines_by_attempt(run: Run, stored: tuple[str, str]) -> None:
    url, job_id = stored
    said = run("jobs", "show", job_id, "--url", url)
    assert said.code == 0
    assert not set("\x1b\x9b") & set(said.out)
    assert said.out.count("log of attempt ") == 2
    assert " error    shop.billing: order 42 \\x1b[31m has a \\x9b31m long text" in said.out
    assert " warning  shop.billing: line 119\n" in said.out
    assert said.out.count("21 lines left out") == 2
    assert "line 60\n" not in said.out


def test_eighty_columns_are_enough(
    run: Run, stored: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    url, job_id = stored
    said = run("jobs", "show", job_id, "--url", url)
    assert max(map(len, said.out.splitlines())) <= 80


def test_json_has_every_field(run: Run, stored: tuple[str, str]) -> None:
    url, job_id = stored
    logs = run("jobs", "show", job_id, "--json", "--url", url).json["logs"]
    assert set(logs[0]) == {"attempt", "at", "level", "logger", "message", "skipped"}
    assert (logs[0]["attempt"], logs[0]["level"]) == (1, "error")
    assert logs[0]["at"].endswith("Z")
    assert (logs[-1]["attempt"], logs[-1]["message"]) == (2, "line 119")


def test_a_job_without_lines_looks_as_before(run: Run, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/jobs.db"
    app = App(url)

    @app.task
    def charge(order: int) -> None: ...

    job_id = charge.enqueue(1).id
    assert "log" not in run("jobs", "show", job_id, "--url", url).out
    assert run("jobs", "show", job_id, "--json", "--url", url).json["logs"] == []
