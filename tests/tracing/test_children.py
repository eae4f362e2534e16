"""A task in a child process is a part of the trace; the child makes its own spans."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from dutiful import App
from tests.tracing import traced_app
from tests.worker.support import burst


@pytest.fixture
async def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[App]:
    monkeypatch.setenv("SPANS", str(tmp_path / "spans"))
    traced_app.app.at(f"sqlite:///{tmp_path}/jobs.db")
    async with traced_app.app:
        yield traced_app.app


def written(tmp_path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (tmp_path / "spans").read_text().splitlines()]


def unique(found: list[dict[str, Any]], name: str) -> dict[str, Any]:
    [span] = [span for span in found if span["name"] == name]
    return span


@pytest.mark.slow
async def test_the_span_goes_on_in_the_child(app: App, tmp_path: Path) -> None:
    handle = await traced_app.crunch.aenqueue()
    await burst(app)
    found = written(tmp_path)
    send, process, inner, step, sent, mail = (
        unique(found, name)
        for name in (
            *("send crunch", "process crunch", "inner"),
            *("step part", "send mail", "process mail"),
        )
    )
    here, child = os.getpid(), inner["pid"]
    assert here != child
    assert [span["pid"] for span in (send, process, step, sent, mail)] == [
        here,
        here,
        child,
        child,
        here,
    ]
    assert {span["trace"] for span in found} == {send["trace"]}
    chain = [process, step, sent, mail]
    assert [span["parent"] for span in chain] == [
        above["span"] for above in (send, process, step, sent)
    ]
    assert inner["parent"] == process["span"]
    assert await handle.aresult(timeout=1) == f"{process['span']:x}"


@pytest.mark.slow
async def test_a_child_forgets_the_span_of_the_job_before(app: App, tmp_path: Path) -> None:
    await traced_app.leave_open.aenqueue()
    looks = [await traced_app.look.aenqueue() for _ in range(2)]
    await burst(app, concurrency=1)
    spans = [f"{span['span']:x}" for span in written(tmp_path) if span["name"] == "process look"]
    assert sorted(spans) == sorted([await look.aresult(timeout=1) for look in looks])


@pytest.mark.slow
async def test_a_child_without_an_sdk_runs_its_task(
    app: App, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SDK", "no")  # for the child, which imports the module again
    look = await traced_app.look.aenqueue()
    await burst(app)
    assert await look.aresult(timeout=1) == "0"
    process = unique(written(tmp_path), "process look")
    assert process["attributes"]["dutiful.outcome"] == "succeeded"


@pytest.mark.slow
async def test_the_death_of_a_child_ends_the_span(app: App, tmp_path: Path) -> None:
    await traced_app.die.aenqueue()
    await burst(app)
    found = [span["attributes"] for span in written(tmp_path) if span["name"] == "process die"]
    assert [one["dutiful.outcome"] for one in found] == ["rescued", "succeeded"]
    assert [one.get("error.type") for one in found] == ["WorkerLost", None]
    assert [one.get("dutiful.crashes") for one in found] == [None, 1]
