"""An undeclared skip fails the run; a declared one is counted."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CONFTEST = Path(__file__).parents[1] / "conftest.py"

CASES = """
import pytest

def test_that_skips_itself():
    pytest.skip({reason!r})

@pytest.mark.skip(reason={reason!r})
def test_with_mark(): ...

@pytest.mark.xfail(reason={reason!r})
def test_expected_to_fail():
    assert False
"""
WHOLE_FILE = "import pytest\n\npytest.skip({reason!r}, allow_module_level=True)\n"


def run(folder: Path, reason: str, *options: str) -> subprocess.CompletedProcess[str]:
    shutil.copy(CONFTEST, folder)
    (folder / "test_cases.py").write_text(CASES.format(reason=reason))
    (folder / "test_whole_file.py").write_text(WHOLE_FILE.format(reason=reason))
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--rootdir", str(folder)]
    # An empty configuration file of its own keeps the run apart from this project's settings.
    (folder / "pytest.ini").write_text("[pytest]\n")
    return subprocess.run(
        [*command, *options, str(folder)], cwd=folder, capture_output=True, text=True
    )


@pytest.mark.parametrize("options", [(), ("-n", "1")], ids=["alone", "parallel"])
def test_undeclared_skips_fail(tmp_path: Path, options: tuple[str, ...]) -> None:
    result = run(tmp_path, "it is flaky", "--continue-on-collection-errors", *options)
    assert result.returncode != 0
    assert "2 failed, 2 errors" in result.stdout
    assert "undeclared skip: 'it is flaky'" in result.stdout
    assert "Skipped for a declared reason: 0" in result.stdout


@pytest.mark.parametrize("reason", ["capability: transactions", "peer: sidekiq is not installed"])
def test_declared_skips_are_counted(tmp_path: Path, reason: str) -> None:
    result = run(tmp_path, reason)
    assert result.returncode == 0, result.stdout
    assert "Skipped for a declared reason: 4" in result.stdout
