"""A PostgreSQL server that crashes, is cut off or falls silent while workers are at work."""

from __future__ import annotations

import tempfile
from pathlib import Path

import psycopg
import pytest

from dutiful.servers.postgres import LocalServer, local_server
from tests.chaos import clocks, freezes, kills, outages, standbys
from tests.chaos.outages import Outage
from tests.chaos.pace import Pace
from tests.servers.pgbouncer import Pooler
from tests.servers.postgres import programs

pytestmark = [pytest.mark.serial, pytest.mark.slow, pytest.mark.timeout(240)]


@pytest.fixture
def server(postgres_database: str, postgres: LocalServer) -> LocalServer:
    """The shared server, spoken to through a database of the test's own."""
    name = postgres_database.rpartition("/")[2]
    own = LocalServer(postgres.folder, port=postgres.port)
    own.url = lambda database=name, **query: postgres.url(database, **query)
    own.restart = postgres.restart
    return own


def fine(outage: Outage, most: float) -> None:
    print(outage.table())
    assert not outage.verdict.faults()
    assert max(outage.back, default=0) < most
    assert outage.troubles <= 20  # said once for each trouble, and not for each try


def test_crashes_of_the_server_lose_and_double_nothing(
    tmp_path: Path, server: LocalServer, pace: Pace
) -> None:
    fine(outages.crashes(tmp_path, server, 1500), pace.limit(15))


def test_killed_backends_lose_and_double_nothing(
    tmp_path: Path, server: LocalServer, pace: Pace
) -> None:
    fine(outages.severed(tmp_path, server, 1500, 6), pace.limit(15))


def test_cut_connections_lose_and_double_nothing(
    tmp_path: Path, server: LocalServer, pace: Pace
) -> None:
    fine(outages.cut(tmp_path, server, 1500, 6), pace.limit(15))


def test_half_open_connections_lose_and_double_nothing(
    tmp_path: Path, server: LocalServer, pace: Pace
) -> None:
    fine(outages.stalled(tmp_path, server, 1000, 2, 3.0), pace.limit(15))


def test_late_replies_lose_and_double_nothing(
    tmp_path: Path, server: LocalServer, pace: Pace
) -> None:
    fine(outages.delayed(tmp_path, server, 300, 0.03), pace.limit(15))


def test_a_promoted_standby_that_was_synchronous_has_lost_nothing(
    tmp_path: Path, pace: Pace
) -> None:
    # A standby that stops acknowledging holds up commits, so it must be there before they count.
    with local_server(Path(tempfile.gettempdir()), programs=programs()) as primary:
        standby = primary.standby(primary.folder / "standby")
        try:
            standby.start()
            with psycopg.connect(primary.url(), autocommit=True) as connection:
                connection.execute("alter system set synchronous_standby_names = 'standby'")
                connection.execute("select pg_reload_conf()")
            fine(outages.promoted(tmp_path, primary, standby, 1200), pace.limit(15))
        finally:
            standby.stop("immediate")


def test_a_promoted_standby_that_lagged_has_lost_the_last_moments_and_nothing_else(
    tmp_path: Path,
    pace: Pace,
) -> None:
    with local_server(Path(tempfile.gettempdir()), programs=programs()) as primary:
        standby = primary.standby(primary.folder / "standby")
        try:
            behind = standbys.behind(tmp_path, primary, standby, 800)
        finally:
            standby.stop("immediate")
    print(behind.table())
    assert not behind.wrong
    assert behind.gone
    assert behind.again
    assert max(behind.outage.back, default=0) < pace.limit(15)


def test_a_killed_pooler_loses_and_doubles_nothing(
    tmp_path: Path, server: LocalServer, pgbouncer: Pooler, pace: Pace
) -> None:
    fine(outages.pooled(tmp_path, server, pgbouncer, 800, 2), pace.limit(15))


def test_a_frozen_worker_runs_nothing_again_on_postgresql(
    tmp_path: Path, server: LocalServer, pace: Pace
) -> None:
    thawed = freezes.frozen(tmp_path, 250, lease=pace.lease, url=server.url())
    print(thawed.table())
    assert not thawed.faults()
    assert thawed.running
    assert thawed.twice


def test_clocks_that_are_an_hour_off_change_nothing(
    tmp_path: Path, server: LocalServer, pace: Pace
) -> None:
    skewed = clocks.skewed(tmp_path, server.url(), 600, lease=pace.lease)
    print(skewed.table())
    assert not skewed.faults()
    assert max(skewed.waits) < skewed.delay + pace.limit(10)


def test_a_storm_of_kills_on_postgresql(tmp_path: Path, server: LocalServer, pace: Pace) -> None:
    verdict = kills.storm(tmp_path, 3000, aimed_every=300, url=server.url())
    print(verdict.table())
    assert not verdict.faults()
    assert verdict.kills >= 6
    assert max(verdict.back) < pace.limit(15)
