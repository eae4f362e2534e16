"""Start, end, excluded days, holidays, jitter."""

from datetime import UTC, date, datetime
from importlib import import_module
from types import ModuleType
from typing import Any

import pytest

from dutiful.core.errors import BadSchedule
from dutiful.core.instant import DAY, HOUR, SECOND, instant, moment
from dutiful.core.rule import (
    Cron,
    Dates,
    Interval,
    RuleBounds,
    after,
    before_or_at,
    between,
    bounds,
    endless_and_empty,
    jittered,
)

JULY = instant(datetime(2026, 7, 1, tzinfo=UTC))
DAILY = Cron("0 9 * * *", "Europe/Berlin")


def days(rule: Cron | Interval, limits: RuleBounds, start: int = JULY, count: int = 3) -> list[str]:
    found = between(rule, start, start + 400 * DAY, count, limits)
    return [moment(at).date().isoformat() for at in found]


def test_start_and_end_are_included() -> None:
    rule, limits = Interval(DAY, anchor=JULY), RuleBounds(start=JULY, end=JULY + 2 * DAY)
    assert between(rule, 0, 2**62, 10, limits) == [JULY, JULY + DAY, JULY + 2 * DAY]
    assert before_or_at(rule, 2**62, limits) == JULY + 2 * DAY
    assert before_or_at(rule, JULY - 1, limits) is None
    assert after(rule, JULY + 2 * DAY, limits) is None


def test_an_excluded_day_is_left_out_in_both_directions() -> None:
    limits = RuleBounds(days=(date(2026, 7, 2), date(2026, 7, 3)), zone="Europe/Berlin")
    assert days(DAILY, limits) == ["2026-07-01", "2026-07-04", "2026-07-05"]
    evening = instant(datetime(2026, 7, 3, 20, tzinfo=UTC))
    assert before_or_at(DAILY, evening, limits) == JULY + 7 * HOUR


def test_a_day_is_one_of_the_zone() -> None:
    limits = RuleBounds(days=(date(2026, 7, 2),), zone="Asia/Tokyo")
    found = between(Interval(HOUR), JULY + 14 * HOUR, 2**62, 2, limits)
    assert found == [JULY + 39 * HOUR, JULY + 40 * HOUR]


def test_a_day_of_many_instants_costs_one_step() -> None:
    limits = RuleBounds(days=tuple(date(2026, 7, day) for day in range(1, 29)))
    assert after(Interval(1000), JULY, limits) == instant(datetime(2026, 7, 29, tzinfo=UTC))


def test_a_day_with_two_passes_over_midnight_is_left_out_whole() -> None:
    # In Beirut the clocks go back from midnight to eleven in the evening of the same day.
    limits = RuleBounds(days=(date(2026, 10, 24),), zone="Asia/Beirut")
    midnight = instant(datetime(2026, 10, 24, 22, tzinfo=UTC))
    noon = instant(datetime(2026, 10, 24, 9, tzinfo=UTC))
    assert after(Interval(HOUR), noon, limits) == midnight
    assert before_or_at(Interval(HOUR), midnight - 1, limits) == midnight - 26 * HOUR


def test_holidays_of_a_part_of_a_country() -> None:
    christmas = instant(datetime(2026, 12, 24, tzinfo=UTC))
    limits = RuleBounds(holidays=("DE-BE",), zone="Europe/Berlin")
    assert days(DAILY, limits, christmas) == ["2026-12-24", "2026-12-27", "2026-12-28"]
    women = instant(datetime(2027, 3, 7, 12, tzinfo=UTC))
    assert days(DAILY, limits, women, 1) == ["2027-03-09"]
    assert days(DAILY, RuleBounds(holidays=("DE-BY",)), women, 1) == ["2027-03-08"]


def test_holidays_of_a_market() -> None:
    eve = instant(datetime(2026, 7, 2, 20, tzinfo=UTC))
    assert days(DAILY, RuleBounds(holidays=("XNYS",)), eve, 1) == ["2026-07-04"]


def test_bounds_that_leave_out_everything_end() -> None:
    rule = Cron("0 9 25 12 *")
    limits = RuleBounds(start=JULY, end=JULY + 20 * 366 * DAY, holidays=("DE",))
    assert after(rule, JULY, limits) is None
    assert before_or_at(rule, 2**60, limits) is None


@pytest.mark.parametrize("name", ["DE", "US-CA"])
def test_the_end_of_a_calendars_data_ends_no_holiday(name: str) -> None:
    """Nobody knows the holidays of 2101; that Christmas was one each year until then counts."""
    rule, limits = Cron("0 9 25 12 *"), RuleBounds(holidays=(name,))
    assert bounds.years_of(name)[1] < 2110
    assert after(rule, JULY, limits) is None
    assert before_or_at(rule, JULY, limits) is None
    assert between(rule, JULY, 2**62, 3, limits) == []


def test_a_rule_goes_on_where_a_calendar_ends() -> None:
    """Data that are a few years short make no schedule stop."""
    limits = RuleBounds(holidays=("DE",))
    eve = instant(datetime(bounds.years_of("DE")[1], 12, 30, tzinfo=UTC))
    assert len(between(Cron("0 9 * * *"), eve, 2**62, 400, limits)) == 400
    christmas = instant(datetime(bounds.years_of("DE")[1] - 5, 7, 1, tzinfo=UTC))
    found = after(Cron("0 9 25 12 *"), christmas, limits)
    assert found is not None
    assert found > eve
    rare = Cron("0 9 29 2 1")
    assert after(rare, JULY, RuleBounds(holidays=("DE",))) == after(rare, JULY)


@pytest.mark.parametrize(
    ("rule", "limits", "empty"),
    [
        (Cron("0 9 25 12 *"), RuleBounds(holidays=("DE",)), True),
        (Cron("0 9 25 12 *"), RuleBounds(), False),
        (Cron("0 9 25 12 *"), RuleBounds(holidays=("DE",), end=JULY + 3 * 366 * DAY), False),
        (DAILY, RuleBounds(holidays=("DE",)), False),
        (
            Dates((instant(datetime(2026, 12, 25, tzinfo=UTC)),)),
            RuleBounds(holidays=("DE",)),
            False,
        ),
    ],
)
def test_only_a_rule_without_end_is_called_empty(
    rule: Any, limits: RuleBounds, empty: bool
) -> None:
    assert endless_and_empty(rule, JULY, limits) is empty


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("DE-BX", "no holiday calendar 'DE-BX'; did you mean DE-"),
        ("XNYX", "no holiday calendar 'XNYX'; did you mean XNYS"),
        ("?", 'write a country such as "DE", a part such as "DE-BE"'),
        ("DE-Q9999", "there are DE-BB"),
    ],
)
def test_an_unknown_calendar_is_answered_with_the_nearest(name: str, text: str) -> None:
    with pytest.raises(BadSchedule) as caught:
        RuleBounds(holidays=(name,))
    assert text in str(caught.value)


def test_without_the_extra_one_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> ModuleType:
        raise ImportError(name)

    bounds.holidays.cache_clear()
    monkeypatch.setattr(bounds, "import_module", absent)
    with pytest.raises(BadSchedule, match=r'pip install "dutiful\[calendars\]"'):
        RuleBounds(holidays=("DE",))
    monkeypatch.setattr(bounds, "import_module", import_module)
    assert RuleBounds(holidays=("DE",))


def test_an_end_before_the_start_is_refused() -> None:
    with pytest.raises(BadSchedule, match="is before start 2026-07-01 00:00:00"):
        RuleBounds(start=JULY, end=JULY - 1)


def test_jitter_is_the_same_for_everybody_and_spreads() -> None:
    found = [jittered(f"schedule-{number}", JULY, 60 * SECOND) for number in range(200)]
    assert found == [jittered(f"schedule-{number}", JULY, 60 * SECOND) for number in range(200)]
    assert all(JULY <= at <= JULY + 60 * SECOND for at in found)
    assert len(set(found)) > 190
    assert min(found) < JULY + 6 * SECOND < JULY + 54 * SECOND < max(found)
    assert jittered("digest", JULY, 0) == JULY


def test_days_are_kept_in_order_and_once() -> None:
    first, second = date(2026, 7, 1), date(2026, 7, 2)
    assert RuleBounds(days=(second, first, second)) == RuleBounds(days=(first, second))
    with pytest.raises(BadSchedule, match="10,001 days left out"):
        RuleBounds(days=tuple(date.fromordinal(700_000 + day) for day in range(10_001)))


def test_a_question_ends_where_all_days_are_left_out() -> None:
    start = date(2026, 7, 1).toordinal()
    limits = RuleBounds(days=tuple(date.fromordinal(start + day) for day in range(5_000)))
    with pytest.raises(BadSchedule, match="more than 2,000 of its days in a row are left out"):
        after(Interval(HOUR), JULY, limits)
    with pytest.raises(BadSchedule, match="more than 2,000 of its days in a row are left out"):
        before_or_at(Interval(HOUR), JULY + 4_000 * DAY, limits)
