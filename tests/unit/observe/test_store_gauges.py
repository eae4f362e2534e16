"""The store is read seldom, and a store that hangs holds up no scrape."""

from __future__ import annotations

import threading
from time import monotonic

import pytest

from dutiful import App
from dutiful.core.instant import HOUR, SECOND
from dutiful.core.state import State
from dutiful.observe.metrics import store_gauges
from dutiful.observe.metrics.labels import LabelValues
from dutiful.observe.metrics.series import Point, Points
from dutiful.observe.metrics.store_gauges import INTERVAL, SHARE, StoreReader, read_store
from dutiful.testing.broker import PoorBroker
from tests.until import wait_until
from tests.worker.support import burst

FOUND: Points = {"dutiful_workers": [Point(("alive",), 1)]}


class Clock:
    """The monotonic clock of the reader, moved by hand."""

    def __init__(self) -> None:
        self.now = monotonic()

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(store_gauges, "monotonic", made)
    return made


def test_a_reading_serves_all_scrapes_of_ten_seconds(clock: Clock) -> None:
    readings: list[int] = []
    reader = StoreReader(lambda: readings.append(1) or FOUND)
    for _ in range(5):
        assert reader.latest() == (FOUND, clock.now)
    first = clock.now
    clock.now += INTERVAL - 0.01
    assert reader.latest() == (FOUND, first)
    assert len(readings) == 1
    clock.now += 0.01
    assert reader.latest() == (FOUND, clock.now)
    assert len(readings) == 2


def test_a_store_that_hangs_leaves_the_last_values_and_is_counted(clock: Clock) -> None:
    hangs, goes_on = threading.Event(), threading.Event()

    def read() -> Points:
        if hangs.is_set():
            goes_on.wait(60)
        return FOUND

    reader = StoreReader(read)
    _, first = reader.latest()
    hangs.set()
    clock.now += INTERVAL
    began = monotonic()
    assert reader.latest() == (FOUND, first)
    assert reader.latest() == (FOUND, first)
    assert monotonic() - began < 5
    assert reader.failed == 0
    clock.now += INTERVAL + 1
    assert reader.latest() == (FOUND, first)
    assert reader.failed == 1
    assert sum(thread.name == "dutiful-metrics" for thread in threading.enumerate()) == 1
    goes_on.set()
    wait_until(lambda: reader.latest()[1] != first)


def test_a_reading_that_fails_is_counted_and_tried_again(clock: Clock) -> None:
    fails = True

    def read() -> Points:
        if fails:
            raise RuntimeError("no")
        return FOUND

    reader = StoreReader(read)
    assert reader.latest() == ({}, 0.0)
    assert reader.failed == 1
    fails = False
    clock.now += INTERVAL
    assert reader.latest() == (FOUND, clock.now)


def test_a_slow_reading_is_not_repeated_at_every_scrape(clock: Clock) -> None:
    readings: list[int] = []

    def read() -> Points:
        readings.append(1)
        clock.now += 3  # as a count of many millions of jobs
        return FOUND

    reader = StoreReader(read)
    reader.latest()
    clock.now += INTERVAL
    reader.latest()
    assert len(readings) == 1
    clock.now += SHARE * 3
    reader.latest()
    assert len(readings) == 2


async def test_what_is_read_of_a_store() -> None:
    async with App("memory://") as app:

        @app.task
        def charge() -> None: ...

        await charge.aenqueue()
        await charge.using(delay="1h").aenqueue()
        await charge.using(queue="mail").aenqueue()
        await app.queues.apause("mail")
        [queue, _] = await app.store.inspector.queues()
        now = (queue.oldest_queued_at or 0) + 5 * SECOND
        found = await read_store(app.store, LabelValues(50), now, {})
    jobs = {point.labels: point.value for point in found["dutiful_queue_jobs"]}
    assert jobs[("default", "queued")] == jobs[("default", "scheduled")] == 1
    assert jobs[("mail", "queued")] == 1
    assert jobs[("default", "dead")] == 0
    oldest = {point.labels[0]: point.value for point in found["dutiful_queue_oldest_seconds"]}
    assert oldest["default"] == pytest.approx(5, abs=0.1)
    paused = {point.labels[0]: point.value for point in found["dutiful_queue_paused"]}
    assert paused == {"default": 0, "mail": 1}
    unserved = {point.labels[0]: point.value for point in found["dutiful_queue_unserved_jobs"]}
    assert unserved == {"default": 1, "mail": 0}
    assert found["dutiful_store_jobs_enqueued_total"] == [Point((), 3)]


async def test_queues_beyond_the_limit_are_one() -> None:
    async with App("memory://") as app:

        @app.task
        def charge() -> None: ...

        for number in range(4):
            await charge.using(queue=f"q{number}").aenqueue()
        found = await read_store(app.store, LabelValues(2), 0, {})
    jobs = {point.labels: point.value for point in found["dutiful_queue_jobs"]}
    assert len({queue for queue, _ in jobs}) == 3
    assert jobs[("other", "queued")] == 2


async def test_a_poor_broker_is_asked_nothing_that_it_lacks() -> None:
    async with App(engine=PoorBroker()) as app:
        found = await read_store(app.store, LabelValues(2), 0, {})
    assert found == {}


async def test_how_far_the_deletion_of_finished_jobs_is_behind() -> None:
    async with App("memory://") as app:

        @app.task
        def charge() -> None: ...

        await charge.aenqueue()
        await burst(app)
        oldest = await app.store.alerts.oldest_end(State.SUCCEEDED)
        assert oldest is not None
        keep = {State.SUCCEEDED: HOUR, State.CANCELLED: HOUR, State.DEAD: None}
        for later, behind in ((HOUR, 0.0), (3 * HOUR, 7200.0)):
            found = await read_store(app.store, LabelValues(2), oldest + later, keep)
            points = found["dutiful_retention_behind_seconds"]
            assert {one.labels[0]: one.value for one in points} == {
                "succeeded": behind,
                "cancelled": 0.0,
                "dead": 0.0,
            }
