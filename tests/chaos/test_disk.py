"""A full disk refuses, loses nothing, and is worked on again when there is room."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.chaos import disk
from tests.chaos.pace import Pace


def check(filled: disk.Filled, most: float) -> None:
    print(filled.table())
    assert filled.refused
    assert filled.troubles
    assert filled.recovered
    assert not filled.faults()
    assert filled.first_after < most


@pytest.mark.serial
def test_a_quota_is_reached(tmp_path: Path, pace: Pace) -> None:
    check(disk.limited(tmp_path, 1), pace.limit(10))


@pytest.mark.serial
def test_a_file_system_is_full(tmp_path: Path, pace: Pace) -> None:
    try:
        with disk.small_disk(tmp_path / "trial"):
            pass
    except (OSError, subprocess.CalledProcessError):
        pytest.skip(f"capability: user {os.getuid()} may not mount a small file system")
    check(disk.mounted(tmp_path, 1), pace.limit(10))
