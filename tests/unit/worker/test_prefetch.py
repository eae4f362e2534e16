"""How many jobs a worker claims ahead, by how long jobs and exchanges took."""

from __future__ import annotations

import pytest

from dutiful.worker.prefetch import RESERVE_MAX, Prefetch


def learned(slots: int, *, job: float, trip: float) -> Prefetch:
    """Know how long jobs and exchanges take for good."""
    prefetch = Prefetch(slots)
    prefetch.observe(job)
    for _ in range(100):
        prefetch.observe_trip(trip)
    return prefetch


def test_nothing_is_claimed_ahead_until_a_job_has_ended() -> None:
    prefetch = Prefetch(4)
    prefetch.observe_trip(1.0)
    assert prefetch.reserve() == 0
    assert prefetch.limit(0, 0) == 4
    assert prefetch.limit(3, 0) == 1
    assert prefetch.limit(4, 0) == 0


def test_the_reserve_lasts_for_two_exchanges() -> None:
    assert learned(10, job=0.1, trip=0.055).reserve() == 10  # 100 a second, for 0.11 s
    assert learned(10, job=2.0, trip=0.055).reserve() == 0
    assert learned(10, job=0.0, trip=1.0).reserve() == RESERVE_MAX


def test_one_slow_exchange_counts_for_three_tenths() -> None:
    prefetch = Prefetch(10)
    prefetch.observe(0.01)  # 1000 a second
    prefetch.observe_trip(0.106)
    assert prefetch.reserve() == 63
    prefetch.observe_trip(0.016)
    assert prefetch.reserve() == 54


def test_one_slow_job_counts_for_a_twentieth() -> None:
    prefetch = learned(10, job=0.01, trip=0.50525)
    assert prefetch.reserve() == 1010
    prefetch.observe(0.21)  # so jobs take 0.02 s
    assert prefetch.reserve() == 505


def test_a_reserve_that_went_stale_is_forgotten_until_the_next_end() -> None:
    prefetch = learned(10, job=0.01, trip=0.50525)
    prefetch.shrink()
    assert prefetch.reserve() == 0
    prefetch.observe(0.02)
    assert prefetch.reserve() == 505


@pytest.mark.parametrize(
    ("running", "waiting", "limit"),
    [(0, 0, 20), (10, 0, 10), (10, 9, 1), (10, 10, 0), (0, 10, 0), (10, 30, 0), (5, 4, 11)],
)
def test_what_waits_fills_the_reserve(running: int, waiting: int, limit: int) -> None:
    assert learned(10, job=0.1, trip=0.055).limit(running, waiting) == limit


@pytest.mark.parametrize(
    ("job", "trip", "waiting", "surplus"),
    [
        (0.1, 0.01, 60, 0),  # 50 start within half a second, and 10 at once
        (0.1, 0.01, 61, 1),
        (0.1, 0.5025, 210, 0),  # the reserve is 100
        (0.1, 0.5025, 213, 3),
        (5.0, 0.01, 15, 4),
    ],
)
def test_what_cannot_start_in_time_is_handed_back(
    job: float, trip: float, waiting: int, surplus: int
) -> None:
    assert learned(10, job=job, trip=trip).surplus(waiting) == surplus
