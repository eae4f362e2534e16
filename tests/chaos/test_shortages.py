"""A PostgreSQL server that has no room or no connection left while workers are at work."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest

from dutiful.servers.postgres import LocalServer, local_server
from tests.chaos import shortages
from tests.chaos.disk import Filled
from tests.chaos.outages import Outage
from tests.chaos.pace import Pace
from tests.servers.postgres import programs

pytestmark = [pytest.mark.serial, pytest.mark.slow, pytest.mark.timeout(240)]


@pytest.fixture
def server() -> Iterator[LocalServer]:
    """A server that may come to harm."""
    with local_server(Path(tempfile.gettempdir()), programs=programs()) as server:
        yield server


def fine(outage: Outage, most: float) -> None:
    print(outage.table())
    assert not outage.verdict.faults()
    assert max(outage.back, default=0) < most
    assert outage.troubles <= 2 * outage.strikes  # said once for each trouble


T = TypeVar("T")


def mounted(run: Callable[[], T]) -> T:
    """Run what needs a small file system, or skip where there can be none."""
    try:
        return run()
    except (PermissionError, subprocess.CalledProcessError) as error:
        pytest.skip(f"peer: no small file system: {error}")


def test_no_room_for_the_tables_refuses_and_loses_nothing(
    tmp_path: Path, server: LocalServer, pace: Pace
) -> None:
    filled: Filled = mounted(lambda: shortages.tables_full(tmp_path, server, 1))
    print(filled.table())
    assert filled.refused
    assert filled.troubles
    assert filled.recovered
    assert not filled.faults()
    assert filled.first_after < pace.limit(10)


def test_no_room_for_the_log_kills_the_server_and_loses_nothing(
    tmp_path: Path, server: LocalServer, pace: Pace
) -> None:
    fine(mounted(lambda: shortages.log_full(tmp_path, server, 800, 1)), pace.limit(15))


def test_no_connection_left_is_waited_for(tmp_path: Path, server: LocalServer, pace: Pace) -> None:
    outage = shortages.crowded_out(tmp_path, server, 800, 2, 1.5)
    print(outage.table())
    assert not outage.verdict.faults()
    assert outage.back
    assert max(outage.back) < pace.limit(15)
    assert outage.said_once  # a connection may come free, and be taken away again, many times


def test_a_pool_of_one_connection_serves_sixteen_slots(tmp_path: Path, server: LocalServer) -> None:
    fine(shortages.strained(tmp_path, server, 500), 1)
