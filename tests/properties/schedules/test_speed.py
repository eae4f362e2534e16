"""A preview is fast enough to be typed at, and a question fast enough to be asked for each job."""

from collections.abc import Callable
from datetime import UTC, datetime
from time import process_time

import pytest

from dutiful.core.instant import DAY, SECOND, instant
from dutiful.core.rule import Calendar, Cron, Dates, Interval, Rule, after, before_or_at, between

NEW_YORK = "America/New_York"
START = datetime(2020, 1, 1, 9)  # noqa: DTZ001 - a calendar rule starts at a local time
NOW = instant(datetime(2026, 7, 1, tzinfo=UTC))

RULES = [
    Cron("* * * * *", NEW_YORK),
    Cron("0 9 * * *", NEW_YORK),
    Cron("30 9 * * MON-FRI", NEW_YORK),
    Cron("0 0 LW * *", NEW_YORK),
    Cron("*/5 * * * * *", NEW_YORK),
    Interval(100_000),
    Calendar("FREQ=DAILY", NEW_YORK, START),
    Calendar("FREQ=MONTHLY;BYDAY=-1FR", NEW_YORK, START),
    Dates(tuple(NOW + number * DAY for number in range(2000))),
]


def fastest(call: Callable[[], object]) -> float:
    """Return the least processor time of some runs: a busy machine only ever makes it longer."""
    times: list[float] = []
    for _ in range(5):
        start = process_time()
        call()
        times.append(process_time() - start)
    return min(times)


@pytest.mark.serial
@pytest.mark.parametrize("rule", RULES, ids=lambda rule: str(rule)[:40])
def test_a_preview_of_a_thousand_takes_a_tenth_of_a_second(rule: Rule) -> None:
    assert len(between(rule, NOW, NOW * 3, 1000)) == 1000
    assert fastest(lambda: between(rule, NOW, NOW * 3, 1000)) < 0.1


@pytest.mark.serial
@pytest.mark.parametrize("rule", RULES[:2], ids=lambda rule: rule.expression)
def test_a_plain_cron_answers_within_a_hundred_microseconds(rule: Cron) -> None:
    moments = range(NOW, NOW + 1000 * 977 * SECOND, 977 * SECOND)
    assert fastest(lambda: [after(rule, at) for at in moments]) < 1000 * 100e-6


@pytest.mark.serial
@pytest.mark.parametrize("rule", RULES, ids=lambda rule: str(rule)[:40])
def test_a_year_of_downtime_costs_no_more_than_a_minute(rule: Rule) -> None:
    assert before_or_at(rule, NOW + 366 * DAY) is not None
    assert fastest(lambda: before_or_at(rule, NOW + 366 * DAY)) < 0.001
