"""Intervals and lists of instants."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any, cast

import pytest

from dutiful.core.errors import BadSchedule, UsageError
from dutiful.core.instant import DAY, HOUR, SECOND, SPAN_MAX, instant, moment
from dutiful.core.rule import (
    Cron,
    Dates,
    Interval,
    after,
    before_or_at,
    between,
    read_rule,
    write_rule,
)


def test_an_interval_counts_from_its_anchor() -> None:
    rule = Interval(10 * SECOND, anchor=3 * SECOND)
    assert after(rule, 3 * SECOND) == 13 * SECOND
    assert after(rule, 12 * SECOND) == 13 * SECOND
    assert before_or_at(rule, 13 * SECOND) == 13 * SECOND
    assert before_or_at(rule, 13 * SECOND - 1) == 3 * SECOND


def test_an_anchor_sets_the_phase_and_not_the_start() -> None:
    rule = Interval(HOUR, anchor=1000 * DAY)
    assert after(rule, 0) == HOUR
    assert before_or_at(rule, -1) == -HOUR


def test_an_interval_may_be_shorter_than_a_second_and_does_not_drift() -> None:
    rule = Interval(100_001, anchor=7)
    found = between(rule, 7, 10**15, 1000)
    assert found == [7 + k * 100_001 for k in range(1, 1001)]
    assert before_or_at(rule, 7 + 10**12 * 100_001 + 5) == 7 + 10**12 * 100_001


def test_an_interval_ends_where_rules_on_clocks_end() -> None:
    last = instant(datetime(8999, 12, 31, tzinfo=UTC)) + 991 * 366 * DAY
    for rule in (Interval.every("365d"), Interval.every("36500d"), Cron("0 0 1 1 *")):
        found = between(rule, instant(datetime(8990, 1, 1, tzinfo=UTC)), 1 << 62, 2000)
        assert moment(found[-1]).year <= 9990
        assert after(rule, found[-1]) is None
        assert before_or_at(rule, last) == before_or_at(rule, found[-1]) == found[-1]
    assert (
        moment(after(Interval(DAY), instant(datetime(8999, 12, 31, tzinfo=UTC))) or 0).year == 9000
    )


@pytest.mark.parametrize("period", [0, -1])
def test_an_interval_without_length_is_refused(period: int) -> None:
    with pytest.raises(BadSchedule, match="longer than zero"):
        Interval(period)


def test_nobody_may_ask_for_less_than_a_millisecond() -> None:
    with pytest.raises(BadSchedule, match="every '999us'; the shortest period is 1ms"):
        Interval.every("999us")
    assert Interval.every("1ms").period == 1000


def test_dates_are_kept_in_order_and_once() -> None:
    rule = Dates((30, 10, 20, 10))
    assert rule.instants == (10, 20, 30)
    assert rule == Dates((10, 20, 30))
    assert between(rule, 10, 30, 10) == [20, 30]
    assert between(rule, 0, 30, 2) == [10, 20]
    assert after(rule, 30) is None
    assert before_or_at(rule, 9) is None
    assert before_or_at(rule, 25) == 20


def test_no_dates_are_refused() -> None:
    with pytest.raises(BadSchedule, match="at least one"):
        Dates(())


@pytest.mark.parametrize("rule", [Interval(5), Interval(5, 2), Dates((1, 2))])
def test_rules_are_plain_data(rule: Interval | Dates) -> None:
    assert read_rule(write_rule(rule)) == rule
    assert hash(read_rule(write_rule(rule))) == hash(rule)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Interval(cast(Any, "10m")), "write Interval.every"),
        (lambda: Interval(cast(Any, True)), "write Interval.every"),
        (lambda: Interval(SPAN_MAX + 1), "a century at most"),
        (lambda: Interval(HOUR, 2**62), "anchor=.* is out of range"),
        (lambda: Interval(HOUR, cast(Any, "2026")), "anchor='2026'; write Interval.every"),
        (lambda: Interval.every(10**30), "longer than a century"),
        (
            lambda: Interval.every(60, anchor=cast(Any, "2026-01-01")),
            "anchor: '2026-01-01' is no",
        ),
        (lambda: Dates(cast(Any, 5)), "are not dates"),
        (lambda: Dates((2**62,)), "a list of dates: .* out of range"),
        (lambda: Dates(tuple(range(10_001))), "10,001 dates"),
        (lambda: Dates.at(cast(Any, date(2026, 1, 1))), "is not a datetime"),
        (lambda: Dates.at(datetime.max.replace(tzinfo=UTC)), "years 1000 to 8999"),
    ],
)
def test_what_is_out_of_bounds_is_refused(make: Callable[[], object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        make()
