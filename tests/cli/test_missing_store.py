"""A mistyped URL is named, and no empty store is left where it points."""

from __future__ import annotations

import contextlib
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Run

LONG = "a" * 300
LOOKS = [["check"], ["jobs", "list"], ["queues", "pause", "mail"], ["schedules", "list"]]


@pytest.mark.parametrize(
    "command",
    [["jobs", "list"], ["dead", "list"], ["queues", "list"], ["workers", "list"], ["check"]],
)
def test_looking_at_a_missing_store_makes_none(command: list[str], tmp_path: Path) -> None:
    path = tmp_path / "typo.db"
    ended = subprocess.run(
        [sys.executable, "-m", "dutiful", *command, "--url", f"sqlite:///{path}"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
    )
    assert ended.returncode == 3
    assert "there is no file" in ended.stderr
    assert "typo.db" in ended.stderr
    assert not path.exists()


@pytest.mark.parametrize("command", LOOKS)
@pytest.mark.parametrize("table", ["", "CREATE TABLE orders (id)"])
def test_looking_at_a_file_without_a_store_makes_none(
    command: list[str], table: str, tmp_path: Path, run: Run
) -> None:
    path = tmp_path / "mine.db"
    path.touch()
    if table:
        with contextlib.closing(sqlite3.connect(path)) as connection:
            connection.execute(table)
    before = path.read_bytes()
    said = run(*command, "--url", f"sqlite:///{path}")
    assert said.code == 3, said
    assert "mine.db is not a store yet" in said.err
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
    assert run("migrate", "--url", f"sqlite:///{path}").code == 0
    assert run(*command, "--url", f"sqlite:///{path}").code == 0


@pytest.mark.parametrize("command", [*LOOKS, ["migrate"], ["migrate", "--dry-run"]])
@pytest.mark.parametrize("name", [f"{LONG}.db", f"{LONG}/jobs.db", "loop"])
def test_a_path_that_cannot_be_looked_at_is_told(
    command: list[str], name: str, tmp_path: Path, run: Run
) -> None:
    (tmp_path / "loop").symlink_to("loop")
    said = run(*command, "--url", f"sqlite:///{tmp_path}/{name}")
    assert said.code == 3, said
    assert "cannot be reached" in said.err


@pytest.mark.parametrize(
    ("command", "code", "text"),
    [
        (["check"], 2, "no store is named"),
        (["check", "--url", "sqlite:///jobs.db"], 3, "the working folder, which was removed"),
        (["migrate", "--url", "sqlite:///jobs.db"], 3, "give a whole path"),
        (["jobs", "list", "--app", "no_such:app"], 2, "the working folder, which was removed"),
        (["worker", "no_such:app"], 2, "the working folder, which was removed"),
        (["copy", "sqlite:///a.db", "sqlite:///b.db"], 3, "the working folder, which was removed"),
        (["jobs", "list", "--url", "sqlite:///{place}/jobs.db"], 0, ""),
    ],
)
def test_the_working_folder_may_be_removed(
    command: list[str],
    code: int,
    text: str,
    tmp_path: Path,
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run("migrate", "--url", f"sqlite:///{tmp_path}/jobs.db")
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    said = run(*(word.format(place=tmp_path) for word in command))
    monkeypatch.undo()
    assert said.code == code, said
    assert text in said.err


def test_what_reload_watches_may_be_removed(
    tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "lying_elsewhere.py").write_text(
        "from dutiful import App\napp = App('memory://')\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    said = run("worker", "lying_elsewhere:app", "--reload")
    monkeypatch.undo()
    assert said.code == 2, said
    assert "go to the folder that --reload is to watch" in said.err
