"""A step of the server's clock neither loses a worker nor keeps a dead one."""

import pytest

from dutiful.engines.postgres.silence import SilenceMeter

SECOND = 1_000_000
LEASE = 10 * SECOND
HOUR = 3600 * SECOND


class Clocks:
    """The server's wall clock and this host's ticks, and what reads them."""

    def __init__(self) -> None:
        self.server = 10 * HOUR
        self.ticks = 7 * HOUR
        self.silence_meter = SilenceMeter(lambda: self.ticks)
        self.silence_meter.joined(LEASE)

    def spend(self, seconds: int, *, looking: bool = True) -> None:
        for _ in range(seconds):
            self.server += SECOND
            self.ticks += SECOND
            if looking:
                self.silence_meter.observe(self.server)

    def silence(self, renewed_at: int, *, judged: bool = True) -> int:
        self.silence_meter.observe(self.server)
        by_server = self.server - renewed_at
        silent = self.silence_meter.silent_for("w1", renewed_at, by_server, LEASE, judged=judged)
        return silent // SECOND


@pytest.fixture
def clocks() -> Clocks:
    return Clocks()


def test_who_has_watched_long_enough_believes_the_server(clocks: Clocks) -> None:
    clocks.spend(12)
    assert clocks.silence(clocks.server - 9 * SECOND) == 9


def test_who_has_just_begun_watches_for_a_lease(clocks: Clocks) -> None:
    renewed_at = clocks.server - HOUR  # or was it a second ago, before a step of an hour?
    assert clocks.silence(renewed_at) == 0
    clocks.spend(9)
    assert clocks.silence(renewed_at) == 9


def test_a_list_for_people_says_what_the_server_says(clocks: Clocks) -> None:
    assert clocks.silence(clocks.server - HOUR, judged=False) == 3600


def test_a_renewal_from_before_a_step_is_never_read_by_both_clocks(clocks: Clocks) -> None:
    clocks.spend(12)
    renewed_at = clocks.server - SECOND
    clocks.server += HOUR
    clocks.spend(1)
    assert clocks.silence(renewed_at) == 0  # seen for the first time, after the step
    clocks.spend(3)
    assert clocks.silence(renewed_at) == 3


def test_steps_there_and_back_that_nobody_saw_lose_nobody(clocks: Clocks) -> None:
    clocks.spend(12)
    clocks.spend(18, looking=False)
    renewed_at = clocks.server - HOUR  # written while the clock was an hour behind
    assert clocks.silence(renewed_at) == 0


def test_a_renewal_dated_like_the_one_before_a_step_back_is_a_new_one(clocks: Clocks) -> None:
    clocks.spend(12)
    renewed_at = clocks.server
    clocks.silence_meter.renewed("w1", renewed_at)
    clocks.spend(60)
    clocks.server = renewed_at
    clocks.silence_meter.renewed("w1", renewed_at)
    assert clocks.silence(renewed_at) == 0
