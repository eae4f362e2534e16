"""A worker that lives and does no work is seen by another within 15 s, and told once."""

from __future__ import annotations

from pathlib import Path

import pytest

from dutiful.servers.postgres import LocalServer
from tests.chaos import filled, senders, watchers
from tests.chaos.pace import Pace
from tests.chaos.watchers import Seen

pytestmark = [pytest.mark.serial, pytest.mark.slow, pytest.mark.timeout(240)]

WITHIN = 15.0
HUNG = 79


def told_once(seen: Seen, most: float) -> None:
    print(seen.table())
    assert seen.seconds < most
    assert seen.times == 1


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest) -> str:
    if request.param == "sqlite":
        return ""
    found: str = request.getfixturevalue("postgres_database")
    return found


def test_a_worker_that_is_stopped_is_seen_and_told_once(
    tmp_path: Path, url: str, pace: Pace
) -> None:
    seen = watchers.stopped(tmp_path, url)
    told_once(seen, pace.limit(WITHIN))
    assert seen.code is None


def test_a_worker_that_blocks_is_seen_and_told_once(tmp_path: Path, url: str, pace: Pace) -> None:
    seen = watchers.blocked(tmp_path, url)
    told_once(seen, pace.limit(WITHIN))
    assert "blocked by job" in seen.said
    assert seen.code == HUNG


def test_a_worker_behind_a_black_hole_is_seen_and_told_once(
    tmp_path: Path, postgres_database: str, postgres: LocalServer, pace: Pace
) -> None:
    seen = watchers.black_holed(tmp_path, postgres_database, postgres.port)
    told_once(seen, pace.limit(WITHIN))
    assert seen.code is None


def test_when_the_sender_is_killed_in_mid_send_another_sends_with_the_same_id(
    tmp_path: Path, url: str, pace: Pace
) -> None:
    [sent] = senders.senders(tmp_path, (senders.MID,), url, workers=1).rounds
    print(sent)
    assert not sent.faults()
    assert sent.messages == 2
    assert sent.seconds < pace.limit(WITHIN)


def test_a_store_that_cannot_be_written_is_an_alert_without_it(tmp_path: Path, pace: Pace) -> None:
    seen = filled.reached(tmp_path, "3s")
    print(seen)
    assert seen.unready < seen.seconds < pace.limit(WITHIN)
    assert seen.healthy
