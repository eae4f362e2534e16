"""The sum of several processes: nothing is lost, nothing is counted twice."""

from __future__ import annotations

import random

import pytest

from dutiful.observe.instruments import BY_NAME
from dutiful.observe.metrics.series import Point, Series, Snapshot, counts, total

RUN = "dutiful_job_run_seconds"
SETTLED = "dutiful_jobs_settled_total"
SLOTS = "dutiful_worker_slots"
JOBS = "dutiful_queue_jobs"
LABELS = ("default", "charge", "succeeded")


def counted(values: list[float]) -> Series:
    series = Series()
    series.add(SETTLED, LABELS, len(values))
    series.observe(RUN, LABELS[1:2], values)
    return series


def test_many_values_fall_into_the_buckets_that_single_ones_fall_into() -> None:
    dice = random.Random(1)
    bounds = BY_NAME[RUN].buckets
    values = [dice.choice([dice.random() * 1e4, dice.choice(bounds), 0.0]) for _ in range(500)]
    many, single = counted(values), Series()
    for value in values:
        single.observe(RUN, LABELS[1:2], [value])
    [of_many], [of_single] = many.points()[RUN], single.points()[RUN]
    assert of_many.counts == of_single.counts
    assert of_many.value == pytest.approx(of_single.value)
    assert sum(of_many.counts) == 500


def test_counts_of_processes_are_added_and_gauges_stay_apart() -> None:
    one = Snapshot(counted([1.0, 2.0]).points() | {SLOTS: [Point(("1",), 16)]})
    two = Snapshot(counted([400.0]).points() | {SLOTS: [Point(("2",), 8)]})
    found = total([one, two], {})
    assert found.process[SETTLED] == [Point(LABELS, 3)]
    assert found.process[RUN][0].value == 403
    assert sum(found.process[RUN][0].counts) == 3
    assert found.process[SLOTS] == [Point(("1",), 16), Point(("2",), 8)]


def test_counts_of_ended_processes_are_kept_without_their_gauges() -> None:
    ended = counts([counted([1.0]).points() | {SLOTS: [Point(("1",), 16)]}])
    assert SLOTS not in ended
    ended = counts([ended, counted([1.0]).points()])
    assert total([Snapshot(counted([1.0]).points())], ended).process[SETTLED][0].value == 3
    assert total([], ended).process[SETTLED][0].value == 2


def test_a_sum_leaves_what_it_was_made_of_unchanged() -> None:
    first, second = counted([1.0]).points(), counted([1.0]).points()
    total([Snapshot(first), Snapshot(second)], {})
    assert first[SETTLED][0].value == 1
    assert sum(first[RUN][0].counts) == 1


def test_the_latest_reading_of_the_store_counts() -> None:
    old = Snapshot(store={JOBS: [Point(("q", "queued"), 1)]}, read_at=5.0)
    new = Snapshot(store={JOBS: [Point(("q", "queued"), 2)]}, read_at=6.0)
    never = Snapshot()
    assert total([old, new, never], {}).store == new.store


@pytest.mark.parametrize(
    "strange",
    [
        {"dutiful_of_another_release": [Point((), 1)]},
        {SETTLED: [Point(("default",), 1)]},
        {RUN: [Point(("charge",), 1.0, [1, 2])]},
    ],
)
def test_what_another_release_reports_is_left_out(strange: dict[str, list[Point]]) -> None:
    found = total([Snapshot(strange), Snapshot(counted([1.0]).points())], {})
    assert found.process[SETTLED] == [Point(LABELS, 1)]
    assert sum(found.process[RUN][0].counts) == 1
