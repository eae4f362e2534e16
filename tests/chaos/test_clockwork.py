"""Schedules while workers are killed and frozen and a server is crashed; `make chaos` is longer."""

from __future__ import annotations

from pathlib import Path

import pytest

from dutiful.servers.postgres import LocalServer
from tests.chaos.clockwork import LATE_MAX, Timetable, clockwork
from tests.chaos.test_outages import server

__all__ = ["server"]

pytestmark = [pytest.mark.serial, pytest.mark.slow, pytest.mark.timeout(240)]


def held(found: Timetable) -> None:
    print(found.table())
    assert not found.faults()
    assert found.kills
    assert max(found.covered) < found.late_max / LATE_MAX


def test_each_occurrence_once_on_sqlite(tmp_path: Path) -> None:
    held(clockwork(tmp_path, 10, workers=4))


def test_each_occurrence_once_on_postgresql(tmp_path: Path, server: LocalServer) -> None:
    restart = lambda: server.restart("immediate")  # noqa: E731 - named for the reader
    held(clockwork(tmp_path, 12, url=server.url(), workers=4, restart=restart))
