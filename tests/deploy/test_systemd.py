"""The unit is one that systemd accepts, and it limits what the worker may do."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.deploy.files import UNIT

_EXPOSURE_MOST = 2.5
"""As `systemd-analyze security` counts: 0 is safe, 10 is a process that may do everything."""


@pytest.fixture
def analyze() -> str:
    found = shutil.which("systemd-analyze")
    if found is None:
        pytest.skip("peer: systemd-analyze is not installed")
    return found


def written(folder: Path, *changes: tuple[str, str]) -> Path:
    """Write the unit with a program that this machine has."""
    text = UNIT.read_text().replace("/srv/shop/.venv/bin/dutiful", sys.executable)
    for before, after in changes:
        assert before in text
        text = text.replace(before, after)
    path = folder / UNIT.name
    path.write_text(text)
    return path


def verified(analyze: str, path: Path) -> tuple[int, str]:
    done = subprocess.run([analyze, "verify", path], capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def test_it_is_accepted(analyze: str, tmp_path: Path) -> None:
    assert verified(analyze, written(tmp_path)) == (0, "")


@pytest.mark.parametrize(
    ("before", "after"),
    [("WatchdogSec=", "WatchDogSec="), ("Type=notify", "Type=notified"), ("=mixed", "=some")],
)
def test_a_mistake_is_found(analyze: str, tmp_path: Path, before: str, after: str) -> None:
    code, said = verified(analyze, written(tmp_path, (before, after)))
    assert code or said


def test_it_is_exposed_little(analyze: str, tmp_path: Path) -> None:
    command = [analyze, "security", "--offline=true", "--no-pager", written(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True)
    level = re.search(r"exposure level for \S+: ([\d.]+)", done.stdout)
    if level is None:
        pytest.skip("peer: this systemd-analyze cannot judge a unit that is not loaded")
    assert float(level[1]) <= _EXPOSURE_MOST, done.stdout
