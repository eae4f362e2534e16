"""What fills the disk is reported, also to alerts."""

from __future__ import annotations

from collections import namedtuple
from pathlib import Path

import pytest

from dutiful.engines.sqlite import SqliteEngine
from dutiful.engines.sqlite import health as module

Usage = namedtuple("Usage", "total used free")


async def test_a_disk_that_is_nearly_full_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = SqliteEngine(tmp_path / "jobs.db")
    await engine.open()
    assert await engine.health.warnings() == ()
    monkeypatch.setattr(module.shutil, "disk_usage", lambda path: Usage(2, 1, 2**20))
    (one,) = await engine.health.warnings()
    assert (one.about, one.full) == ("disk", True)
    assert "1 MiB" in one.text
    monkeypatch.undo()
    monkeypatch.setattr(module, "WAL_BYTES_KEPT", -1)
    (log,) = await engine.health.warnings()
    assert (log.about, log.full) == ("log", False)
    await engine.close()
