"""What the README and the guides show runs as written."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer.main

from dutiful.cli.main import app
from tests.docs.blocks import PAGES, ROOT, Block, blocks, commands

RUNNER = """
import subprocess
from pathlib import Path
names = {"__name__": "page"}
for path in sorted(Path("blocks").iterdir()):
    if path.suffix == ".sh":
        subprocess.run(["sh", "-eu", path], check=True)
    else:
        exec(compile(path.read_text(), str(path), "exec"), names)
"""
SUFFIXES = {"python": ".py", "sh": ".sh"}


def python_blocks(page: Path) -> list[Block]:
    return [block for block in blocks(page) if block.language == "python"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_blocks_run(page: Path, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    (tmp_path / "blocks").mkdir()
    environ = dict(os.environ)
    if "DATABASE_URL" in page.read_text():
        environ["DATABASE_URL"] = request.getfixturevalue("postgres_database")
    environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), environ["PATH"]])
    for block in blocks(page):
        if block.note.startswith("file="):
            (tmp_path / block.note.removeprefix("file=")).write_text(block.text)
        elif block.note == "run":
            name = f"line_{block.line:04}{SUFFIXES[block.language]}"
            (tmp_path / "blocks" / name).write_text(block.text)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", RUNNER],
        cwd=tmp_path,
        env=environ,
        capture_output=True,
        text=True,
        timeout=50,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_python_block_says_whether_it_runs_and_is_python(page: Path) -> None:
    for block in python_blocks(page):
        assert block.note in ("run", "no-run") or block.note.startswith("file="), block
        compile(block.text, f"{page.name}:{block.line}", "exec")


def test_most_blocks_run() -> None:
    notes = [block.note for page in PAGES for block in python_blocks(page)]
    assert notes.count("no-run") < len(notes) / 3


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_command_exists_with_its_options(page: Path) -> None:
    for line, words in commands(page):
        try:
            parse(typer.main.get_command(app), words)
        except Exception as error:
            raise AssertionError(
                f"{page.name}:{line}: dutiful {' '.join(words)}: {error}"
            ) from error


def test_a_command_that_does_not_exist_is_found() -> None:
    for words in (["jobs", "lst"], ["dead", "redrive", "--fast"], ["worker", "-c", "many"]):
        with pytest.raises(Exception, match=r"(?i)no command|no such option|valid integer"):
            parse(typer.main.get_command(app), words)


def test_commands_are_found_at_all() -> None:
    assert sum(1 for page in PAGES for _ in commands(page)) > 40


def test_every_guide_is_in_the_index() -> None:
    index = (ROOT / "docs" / "README.md").read_text()
    for page in (ROOT / "docs").rglob("*.md"):
        path = page.relative_to(ROOT / "docs").as_posix()
        assert path == "README.md" or f"({path})" in index, path


def parse(command: Any, words: list[str]) -> None:
    """Read a command line as the program would, without running it."""
    while hasattr(command, "commands"):
        name, *words = words
        if name not in command.commands:
            raise LookupError(f"no command {name}")
        command = command.commands[name]
    command.make_context("dutiful", list(words))
