"""Which files ``--reload`` watches, and that nothing ends its watching."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dutiful.worker import edits
from dutiful.worker.edits import stamps, watch
from tests.until import until


def touch(top: Path, *names: str) -> None:
    for name in names:
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        (top / name).touch()


def seen(top: Path) -> set[str]:
    return {str(Path(path).relative_to(top)) for path in stamps(top)}


def test_files_below_a_hidden_folder_are_seen(tmp_path: Path) -> None:
    """The folder itself may lie below a hidden one; only what is hidden inside it is left out."""
    top = tmp_path / ".worktrees" / "shop"
    touch(top, "jobs.py", ".venv/site.py", "__pycache__/old.py", "deep/more.py", "notes.txt")
    assert seen(top) == {"jobs.py", "deep/more.py"}


def test_links_are_followed_and_a_circle_ends(tmp_path: Path) -> None:
    top, other = tmp_path / "shop", tmp_path / "lib"
    touch(top, "jobs.py")
    touch(other, "deep/more.py")
    (top / "lib").symlink_to(other)
    (top / "alias.py").symlink_to(other / "deep" / "more.py")
    (top / "again").symlink_to(top)
    (other / "deep" / "up").symlink_to(other)
    (top / "broken.py").symlink_to(top / "nowhere")
    (top / "itself").symlink_to(top / "itself")
    found = stamps(top)
    files = {Path(path).resolve() for path in found}
    assert files == {top / "jobs.py", other / "deep" / "more.py"}
    assert str(top / "lib" / "deep" / "more.py") in found
    before = found[str(top / "alias.py")]
    os.utime(other / "deep" / "more.py", ns=(before + 1, before + 1))
    after = stamps(top)
    assert {path for path in after if after[path] != found[path]} == {
        str(top / "lib" / "deep" / "more.py"),
        str(top / "alias.py"),
    }


def test_what_disappears_during_a_look_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    touch(tmp_path, "a/one.py", "b/two.py", "c/three.py", "jobs.py")
    (tmp_path / "c").chmod(0)
    listed = os.listdir

    def listing(folder: str) -> list[str]:
        if folder.endswith("c"):  # root may read all
            raise PermissionError(folder)
        names = listed(folder)
        if folder.endswith("a"):
            shutil.rmtree(tmp_path / "b", ignore_errors=True)
            (tmp_path / "a" / "one.py").unlink()
        return names

    monkeypatch.setattr(os, "listdir", listing)
    try:
        assert stamps(tmp_path).keys() == {str(tmp_path / "jobs.py")}
    finally:
        monkeypatch.undo()
        (tmp_path / "c").chmod(0o700)
    assert stamps(tmp_path / "nowhere") == {}


async def test_nothing_ends_the_watching(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    answers: list[Callable[[], Any]] = [dict, *([_raise] * 3), lambda: {"jobs.py": 1}]
    looks, calls = list[int](), list[int]()

    def look(top: Path) -> Any:
        looks.append(1)
        return answers[min(len(looks), len(answers)) - 1]()

    def changed() -> None:
        calls.append(len(looks))
        raise ProcessLookupError("it has ended")

    monkeypatch.setattr(edits, "stamps", look)
    monkeypatch.setattr(edits, "_PAUSE", 0)
    watching = asyncio.create_task(watch(tmp_path, changed))
    try:
        await until(lambda: len(looks) > 8)
    finally:
        watching.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watching
    assert calls == [5]
    told = [record.message for record in caplog.records if "changed files" in record.message]
    assert told == [
        "cannot look for changed files (RuntimeError: can't start new thread); trying again",
        "cannot look for changed files (ProcessLookupError: it has ended); trying again",
    ]


def _raise() -> Any:
    raise RuntimeError("can't start new thread")
