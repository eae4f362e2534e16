"""What a job changes of its child process as a whole is undone before the next job."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dutiful import App
from tests.worker import traces as cpu
from tests.worker.support import burst, ended, stored

CHANGES = [
    "alarm",
    "timers",
    "handlers",
    "mask",
    "folder",
    "removed folder",
    "umask",
    "variables",
    "limits",
    "defaults",
    "interpreter",
]


async def looks(app: App, *between: Any) -> list[dict[str, Any]]:
    """Look at the process of one child before and after jobs."""
    handles = [await cpu.look.aenqueue()]
    ids = [(await app.aenqueue_many([job]), job.id)[1] for job in between]
    handles += [await cpu.look.aenqueue()]
    await burst(app, concurrency=1)
    for job_id in ids:
        await ended(app, job_id)
    return [await handle.aresult(timeout=1) for handle in handles]


@pytest.mark.parametrize("what", CHANGES)
async def test_no_change_of_a_job_is_left(
    traces: App, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    monkeypatch.setenv("IN_CHILD", "yes")
    before, after = await looks(traces, cpu.change.job(what))
    assert after == before
    assert before["false"] == 1


async def test_what_a_module_has_set_is_left(traces: App, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IN_CHILD", "yes")
    jobs = [cpu.change.job(what) for what in ("handlers", "umask", "variables")]
    _, after = await looks(traces, *jobs)
    assert after["variables"]["SET_AT_IMPORT"] == "yes"
    assert after["umask"] == 0o027
    assert after["timers"] == [False, False, True]
    assert any("handle" in one for one in after["handlers"])


async def test_functions_that_a_job_replaces_end_no_child(traces: App) -> None:
    """The functions stay replaced, as all variables of modules; this package's code has its own."""
    handles = [await cpu.replace_functions.aenqueue(), await cpu.parent.aenqueue()]
    await burst(traces, concurrency=1)
    for handle in handles:
        await handle.aresult(timeout=1)
        job = await stored(traces, handle.id)
        assert (job.attempt, job.crashes) == (1, 0)


async def test_a_folder_that_is_gone_is_replaced_by_the_root(
    traces: App, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "release").mkdir()
    monkeypatch.chdir(tmp_path / "release")
    before, after = await looks(traces, cpu.remove_the_folder.job())
    monkeypatch.chdir(tmp_path)
    assert before["folder"] == str(tmp_path / "release")
    assert after["folder"] == "/"
    assert after["pid"] == before["pid"]


async def test_a_job_that_failed_leaves_nothing_either(traces: App) -> None:
    before, after = await looks(traces, cpu.fail_and_change.job())
    assert after == before
