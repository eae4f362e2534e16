"""A mistyped URL is named, and no empty store is left where it points."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest


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
