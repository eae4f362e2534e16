"""What a worker must not waste: turns of the store, and the collector's time."""

from __future__ import annotations

import gc

from dutiful import App
from dutiful.worker.attempt import Running
from dutiful.worker.prefetch import RESERVE_MAX, Prefetch
from tests.worker.support import burst

SLOTS = 16
KEPT = 2
"""So many may still be held by what has just ended."""


def hungry() -> Prefetch:
    """Know short jobs and a slow store, so that the reserve is at its largest."""
    prefetch = Prefetch(SLOTS)
    prefetch.observe(0.0001)
    prefetch.observe_trip(0.1)
    return prefetch


def test_every_exchange_claims_until_the_reserve_is_full() -> None:
    prefetch = hungry()
    assert prefetch.reserve() == RESERVE_MAX
    assert prefetch.limit(SLOTS, RESERVE_MAX // 2 + 1) == RESERVE_MAX // 2 - 1
    assert prefetch.limit(SLOTS, RESERVE_MAX) == 0


def test_who_knows_no_job_claims_for_its_slots_alone() -> None:
    prefetch = Prefetch(SLOTS)
    assert prefetch.limit(0, 0) == SLOTS
    assert prefetch.limit(SLOTS, 0) == 0


def test_a_pause_of_the_process_hands_nothing_back() -> None:
    prefetch = Prefetch(SLOTS)
    prefetch.observe_trip(0.01)
    for _ in range(100):
        prefetch.observe(0.0001)
    for _ in range(SLOTS):
        prefetch.observe(0.02)
    assert prefetch.surplus(500) == 0


def test_jobs_that_have_become_long_are_handed_back() -> None:
    prefetch = hungry()
    for _ in range(200):
        prefetch.observe(1.0)
    assert prefetch.surplus(2000) > 2000 - 3 * SLOTS
    assert prefetch.surplus(SLOTS) == 0


async def test_an_attempt_that_has_ended_does_not_wait_for_the_collector(app: App) -> None:
    @app.task
    async def add(one: int, other: int) -> int:
        return one + other

    await app.aenqueue_many(add.job(number, 1) for number in range(50))
    gc.collect()
    gc.disable()
    try:
        await burst(app)
        attempts = [item for item in gc.get_objects() if isinstance(item, Running)]
    finally:
        gc.enable()
    assert sum(attempt.task is add for attempt in attempts) <= KEPT
