"""Type checkers keep a task's signature, with the context taken out, and refuse wrong calls."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
WRONG = {
    number
    for number, line in enumerate((HERE / "wrong.py").read_text().splitlines(), 1)
    if line.endswith("# WRONG")
}


def mypy(name: str, folder: Path) -> set[int]:
    """Return the lines of a file that ``mypy --strict`` finds wrong."""
    command = [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", "--no-pretty"]
    done = subprocess.run(
        [*command, "--cache-dir", str(folder / "cache"), str(HERE / name)],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode in (0, 1), done.stderr
    errors = [line for line in done.stdout.splitlines() if ": error:" in line]
    assert all(name in line for line in errors), done.stdout
    return {int(found[1]) for line in errors if (found := re.search(r":(\d+): error:", line))}


def basedpyright(name: str, folder: Path) -> set[int]:
    """Return the lines of a file that basedpyright finds wrong in its strict mode."""
    project = {
        "include": [str(HERE / name)],
        "extraPaths": [str(ROOT / "src")],
        "pythonVersion": "3.11",
        "typeCheckingMode": "strict",
        # The package itself is checked elsewhere; a file that only calls tasks uses no results.
        "reportUnusedCoroutine": "none",
    }
    (folder / "pyrightconfig.json").write_text(json.dumps(project))
    command = [Path(sys.executable).with_name("basedpyright"), "--outputjson", "-p", str(folder)]
    done = subprocess.run(
        [*command, "--pythonpath", sys.executable], cwd=ROOT, capture_output=True, text=True
    )
    found = json.loads(done.stdout)["generalDiagnostics"]
    return {one["range"]["start"]["line"] + 1 for one in found if one["severity"] == "error"}


CHECKERS = pytest.mark.parametrize("checker", [mypy, basedpyright])


@pytest.mark.slow
@CHECKERS
def test_each_form_keeps_its_types(checker: object, tmp_path: Path) -> None:
    assert callable(checker)
    assert checker("forms.py", tmp_path) == set()


@pytest.mark.slow
@CHECKERS
def test_exactly_the_wrong_calls_are_errors(checker: object, tmp_path: Path) -> None:
    assert callable(checker)
    assert checker("wrong.py", tmp_path) == WRONG
    assert len(WRONG) == 26
