"""Short versions of the long runs: `make chaos` makes them last, and prints the same figures."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chaos import crowd, deploys, freezes, kills
from tests.chaos.pace import Pace

pytestmark = [pytest.mark.serial, pytest.mark.slow, pytest.mark.timeout(240)]


def test_a_storm_of_kills(tmp_path: Path, pace: Pace) -> None:
    verdict = kills.storm(tmp_path, 4000, aimed_every=300)
    print(verdict.table())
    assert not verdict.faults()
    assert verdict.kills >= 8
    assert max(verdict.back) < pace.limit(15)


def test_a_supervisors_children_are_killed(tmp_path: Path, pace: Pace) -> None:
    verdict = kills.supervised(tmp_path, 120, 1)
    print(verdict.table())
    assert not verdict.faults()
    assert max(verdict.back) < pace.limit(15)


def test_a_frozen_worker_runs_nothing_again(tmp_path: Path, pace: Pace) -> None:
    thawed = freezes.frozen(tmp_path, 250, lease=pace.lease)
    print(thawed.table())
    assert not thawed.faults()
    assert thawed.running
    assert thawed.twice


def test_a_blocked_loop_loses_nothing(tmp_path: Path, pace: Pace) -> None:
    found = freezes.blocked(tmp_path, lease=pace.lease)
    print(found.table())
    assert not found.verdict.faults()
    assert (found.starts, found.crashes) == (1, 0)


def test_a_rolling_deploy_costs_nothing(tmp_path: Path) -> None:
    rolled = deploys.rolling(tmp_path, 200, rounds=1)
    print(rolled.table())
    assert not rolled.verdict.faults()
    assert rolled.codes == {0}
    assert (rolled.twice, rolled.attempts, rolled.left_running) == (0, 1, 0)


def test_a_crowd_gets_on(tmp_path: Path) -> None:
    crowded = crowd.crowd(tmp_path, 4)
    print(crowded.table())
    assert not crowded.verdict.faults()
    assert crowded.locked == crowded.troubles == 0
    assert min(crowded.shares.values()) > 0
