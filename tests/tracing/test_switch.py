"""How tracing is switched on, and what happens without the library."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from dutiful import App
from dutiful.core.errors import BadConfiguration, UsageError
from dutiful.core.event import Notice
from tests.tracing.spans import Spans, attributes, is_below
from tests.worker.support import Events, burst, stored

PROGRAM = """
import asyncio, sys
{before}
from dutiful import App
from dutiful.worker.worker import Worker
from dutiful.worker.options import WorkerOptions

app = App("sqlite:///jobs.db"{given})

@app.task
def charge() -> None: ...

handle = charge.enqueue()
asyncio.run(Worker(app, WorkerOptions(burst=True)).run())
print(handle.status(), *sorted(name for name in sys.modules if name.startswith("opentelemetry")))
"""
BLOCK = """
class Block:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "opentelemetry":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Block())
"""


def run(path: Path, before: str = "", given: str = "", **environ: str) -> tuple[str, str]:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(before=before, given=given)],
        cwd=path,
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip(), done.stderr


def test_the_library_is_not_imported_unless_it_is_asked_for(tmp_path: Path) -> None:
    assert run(tmp_path) == ("succeeded", "")
    said, _ = run(tmp_path, DUTIFUL_TRACES="on")
    assert "opentelemetry.trace" in said


def test_a_setting_without_the_library_is_reported_and_costs_nothing(tmp_path: Path) -> None:
    said, errors = run(tmp_path, BLOCK, ', traces="on"')
    assert said == "succeeded"
    [line] = errors.splitlines()
    assert "nothing is traced" in line
    assert "dutiful[otel]" in line


def test_a_call_without_the_library_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    app = App("memory://")
    monkeypatch.setitem(sys.modules, "dutiful.observe.tracing.otel_tracer", None)
    with pytest.raises(UsageError, match=r"dutiful\[otel\]"):
        app.traces.export()
    assert app.hooks.tracer is None


def test_the_setting_is_on_or_off() -> None:
    assert App("memory://", traces="off").settings.traces == "off"
    with pytest.raises(BadConfiguration, match="choose on or off"):
        _ = App("memory://", traces="yes").settings


async def test_the_setting_uses_the_global_provider(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spans = Spans()
    monkeypatch.setattr("opentelemetry.trace._TRACER_PROVIDER", spans.provider)
    async with App(f"sqlite:///{tmp_path}/jobs.db", traces="on") as app:
        events = Events(app)

        @app.task
        async def charge() -> None: ...

        handle = await charge.aenqueue()
        await burst(app)
        assert is_below(spans.one("process charge"), spans.one("send charge"))
        assert events.of(Notice) == []
        app.at(f"sqlite:///{tmp_path}/other.db")
        await charge.aenqueue()
        assert len(spans.of("send charge")) == 2, "settings that are read again change nothing"
        assert handle.created


async def test_another_provider_takes_over(tmp_path: Path) -> None:
    first, second = Spans(), Spans()
    async with App(f"sqlite:///{tmp_path}/jobs.db") as app:
        app.traces.export(first.provider)
        listeners = len(app.bus._listeners)
        app.traces.export(second.provider)
        assert len(app.bus._listeners) == listeners

        @app.task
        async def charge() -> None: ...

        handle = await charge.aenqueue()
        await burst(app)
        assert (await stored(app, handle.id)).state.word == "succeeded"
        assert first.all() == ()
        assert len(second.all()) == 2


async def test_an_attempt_that_another_provider_finds_open_is_ended(tmp_path: Path) -> None:
    first, second = Spans(), Spans()
    async with App(f"sqlite:///{tmp_path}/jobs.db") as app:
        app.traces.export(first.provider)

        @app.task
        async def swap() -> None:
            app.traces.export(second.provider)

        await swap.aenqueue()
        await burst(app)
        assert attributes(first.one("process swap"))["dutiful.outcome"] == "unsettled"
        assert second.all() == ()
