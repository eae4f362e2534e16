"""Calendar rules: what they plan, which parts their start implies, what is said of wrong ones."""

import tracemalloc
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from time import process_time
from typing import Any, cast
from zoneinfo import ZoneInfo

import pytest

from dutiful.core.errors import BadSchedule
from dutiful.core.instant import instant, moment
from dutiful.core.rule import (
    Calendar,
    Dst,
    after,
    before_or_at,
    between,
    read_rule,
    write_rule,
)

START = datetime(2026, 1, 1, 9, 0)  # noqa: DTZ001 - a calendar rule starts at a local time


def plan(rule: Calendar, after_text: str, count: int) -> list[str]:
    local = ZoneInfo(rule.zone)
    found = between(rule, instant(datetime.fromisoformat(after_text)), 2**62, count)
    return [moment(at).astimezone(local).strftime("%Y-%m-%d %H:%M") for at in found]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("FREQ=MONTHLY;BYDAY=-1FR", ["2026-07-31 09:00", "2026-08-28 09:00"]),
        ("RRULE:FREQ=WEEKLY;INTERVAL=2", ["2026-07-02 09:00", "2026-07-16 09:00"]),
        ("freq=daily;byhour=6,18", ["2026-07-01 06:00", "2026-07-01 18:00"]),
        ("FREQ=YEARLY", ["2027-01-01 09:00", "2028-01-01 09:00"]),
        ("FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1", ["2026-07-31 09:00", "2026-08-31 09:00"]),
        ("FREQ=DAILY;UNTIL=20260702", ["2026-07-01 09:00", "2026-07-02 09:00"]),
        ("FREQ=DAILY;UNTIL=20260701T070000Z", ["2026-07-01 09:00"]),
        ("FREQ=DAILY;UNTIL=20260701T065959Z", []),
        ("FREQ=MONTHLY;COUNT=8", ["2026-07-01 09:00", "2026-08-01 09:00"]),
    ],
)
def test_a_rule_plans(text: str, expected: list[str]) -> None:
    assert plan(Calendar(text, "Europe/Berlin", START), "2026-07-01T00:00+02:00", 2) == expected


def test_a_rule_has_nothing_before_its_start() -> None:
    rule = Calendar("FREQ=DAILY", "UTC", START)
    first = instant(START.replace(tzinfo=UTC))
    assert after(rule, 0) == first
    assert before_or_at(rule, first) == first
    assert before_or_at(rule, first - 1) is None


def test_a_start_within_a_second_counts_from_the_second() -> None:
    rule = Calendar("FREQ=DAILY", "UTC", START.replace(microsecond=5))
    assert after(rule, 0) == instant(START.replace(tzinfo=UTC))


def test_a_rule_with_a_count_has_an_end() -> None:
    rule = Calendar("FREQ=DAILY;COUNT=3", "UTC", START)
    last = instant(datetime(2026, 1, 3, 9, tzinfo=UTC))
    assert after(rule, last) is None
    assert before_or_at(rule, 2**52) == last
    assert before_or_at(rule, 0) is None


def test_local_times_follow_the_one_rule_for_daylight_saving() -> None:
    start = datetime(2026, 1, 1, 2, 30)  # noqa: DTZ001 - as above
    missing = Calendar("FREQ=DAILY", "America/New_York", start)
    assert plan(missing, "2026-03-08T00:00-05:00", 2) == ["2026-03-08 03:00", "2026-03-09 02:30"]
    skipped = Calendar("FREQ=DAILY", "America/New_York", start, Dst(missing="skip"))
    assert plan(skipped, "2026-03-08T00:00-05:00", 1) == ["2026-03-09 02:30"]
    repeated = Calendar("FREQ=DAILY;BYHOUR=1", "America/New_York", start)
    assert plan(repeated, "2026-11-01T00:00-04:00", 2) == ["2026-11-01 01:30", "2026-11-02 01:30"]
    beat = Calendar("FREQ=HOURLY", "America/New_York", start)
    hours = plan(beat, "2026-11-01T00:00-04:00", 4)
    assert [hour[-5:] for hour in hours] == ["00:30", "01:30", "01:30", "02:30"]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "FREQ"),
        ("FREQ=DALY", "FREQ 'DALY' is not known; did you mean DAILY?"),
        ("INTERVAL=2", "FREQ is missing; write one of YEARLY, MONTHLY"),
        ("FREQ=DAILY;BYMOTH=2", "part 'BYMOTH' is not known; did you mean BYMONTH?"),
        ("FREQ=DAILY;BYHOUR", "BYHOUR has no value"),
        ("FREQ=DAILY;BYHOUR=1;BYHOUR=2", "BYHOUR is given twice; join its values with commas"),
        ("FREQ=DAILY;BYHOUR=25", "BYHOUR 25 is out of range; use 0 to 23"),
        ("FREQ=DAILY;BYDAY=XX", "BYDAY 'XX' is not a day; write one of MO"),
        ("FREQ=DAILY;BYDAY=1MO", "BYDAY=1MO: numbered days need FREQ=MONTHLY or YEARLY"),
        ("FREQ=DAILY;INTERVAL=0", "INTERVAL '0' is not a whole number from 1 on"),
        ("FREQ=DAILY;COUNT=x", "COUNT 'X' is not a whole number"),
        ("FREQ=DAILY;COUNT=10001", "COUNT 10001 is out of range 1-10000; use UNTIL"),
        ("FREQ=DAILY;COUNT=3;UNTIL=20270101", "COUNT and UNTIL do not go together"),
        ("FREQ=DAILY;UNTIL=2027", "UNTIL '2027'; write 20261231, 20261231T235959"),
        ("FREQ=DAILY;UNTIL=20261332", "UNTIL '20261332' is not a date"),
        ("FREQ=DAILY;UNTIL=20250101", "it never happens between its start and its end"),
        ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "this date never comes; no month named has 30"),
        ("FREQ=WEEKLY;WKST=XX", "WKST 'XX' is not known; write one of MO"),
        ("FREQ=DAILY;BYMONTHDAY=0", "BYMONTHDAY 0 is out of range; use 1 to 31 or -31 to -1"),
        ("FREQ=DAILY;BYMONTHDAY=1,40", "BYMONTHDAY 40 is out of range"),
        ("FREQ=DAILY;BYMONTHDAY=-32", "BYMONTHDAY -32 is out of range"),
        ("FREQ=DAILY;BYMONTHDAY=1,,2", "BYMONTHDAY '' is not a number"),
        ("FREQ=DAILY;BYMONTHDAY=1.5", "BYMONTHDAY '1.5' is not a number"),
        (
            "FREQ=SECONDLY;BYSECOND=60",
            "BYSECOND 60 is out of range; use 0 to 59: there are no",
        ),
        ("FREQ=DAILY;BYSECOND=-1", "BYSECOND -1 is out of range"),
        ("FREQ=DAILY;BYMINUTE=60", "BYMINUTE 60 is out of range; use 0 to 59: the full hour"),
        ("FREQ=DAILY;BYHOUR=24", "BYHOUR 24 is out of range; use 0 to 23: midnight is hour 0"),
        ("FREQ=DAILY;BYMONTH=0", "BYMONTH 0 is out of range; use 1 to 12"),
        ("FREQ=DAILY;BYMONTH=-1", "BYMONTH -1 is out of range; use 1 to 12"),
        ("FREQ=DAILY;BYMONTH=JAN", "BYMONTH 'JAN' is not a number"),
        ("FREQ=DAILY;BYHOUR=9999999999", "BYHOUR '9999999999' is not a number"),
        ("FREQ=DAILY;BYHOUR=\u0663", "BYHOUR '\u0663' is not a number"),
        ("FREQ=YEARLY;BYWEEKNO=54", "BYWEEKNO 54 is out of range; use 1 to 53 or -53 to -1"),
        ("FREQ=YEARLY;BYWEEKNO=0", "BYWEEKNO 0 is out of range"),
        ("FREQ=MONTHLY;BYWEEKNO=1", "BYWEEKNO does not go with FREQ=MONTHLY; it needs YEARLY"),
        ("FREQ=YEARLY;BYYEARDAY=367", "BYYEARDAY 367 is out of range; use 1 to 366 or -366 to -1"),
        ("FREQ=YEARLY;BYYEARDAY=0", "BYYEARDAY 0 is out of range"),
        ("FREQ=DAILY;BYYEARDAY=1", "BYYEARDAY does not go with FREQ=DAILY"),
        ("FREQ=WEEKLY;BYMONTHDAY=1", "BYMONTHDAY does not go with FREQ=WEEKLY"),
        ("FREQ=WEEKLY;BYDAY=MO FR", "BYDAY 'MO FR' is not a day; write one of MO"),
        ("FREQ=WEEKLY;BYDAY=", "BYDAY has no value"),
        ("FREQ=WEEKLY;BYDAY=MO,", "BYDAY '' is not a day"),
        ("FREQ=MONTHLY;BYDAY=6MO", "BYDAY 6MO is out of range; use 1 to 5 or -5 to -1"),
        ("FREQ=MONTHLY;BYDAY=0MO", "BYDAY 0MO is out of range"),
        ("FREQ=YEARLY;BYDAY=54MO", "BYDAY 54MO is out of range; use 1 to 53"),
        ("FREQ=YEARLY;BYWEEKNO=3;BYDAY=1MO", "numbered days do not go with BYWEEKNO"),
        ("FREQ=DAILY;BYSETPOS=1", "BYSETPOS chooses from what another BY part names"),
        ("FREQ=DAILY;BYHOUR=9;BYSETPOS=0", "BYSETPOS 0 is out of range; use 1 to 366"),
        ("FREQ=DAILY;BYHOUR=9;BYSETPOS=367", "BYSETPOS 367 is out of range"),
        ("FREQ=DAILY;BYHOUR=9;BYSETPOS=2", "BYSETPOS 2 is beyond the times of one turn"),
        ("FREQ=SECONDLY;BYSETPOS=2", "BYSETPOS chooses from what another BY part names"),
        ("FREQ=SECONDLY;BYSECOND=1;BYSETPOS=2", "BYSETPOS 2 is beyond the times of one turn"),
        ("FREQ=WEEKLY;BYDAY=MO;BYSETPOS=2", "it never happens between its start and its end"),
        ("FREQ=DAILY;INTERVAL=36526", "INTERVAL 36526 is out of range 1-36525, which is a century"),
        ("FREQ=YEARLY;INTERVAL=" + "9" * 1000, "is out of range 1-100, which is a century"),
        ("FREQ=DAILY;INTERVAL=-1", "INTERVAL '-1' is not a whole number"),
        ("FREQ=DAILY;INTERVAL=1.5", "INTERVAL '1.5' is not a whole number"),
        ("FREQ=DAILY;COUNT=0", "COUNT '0' is not a whole number from 1 on"),
        ("FREQ=DAILY;COUNT=" + "9" * 1000, "is out of range 1-10000; use UNTIL"),
        ("FREQ=YEARLY;COUNT=300", "COUNT 300 reaches beyond two centuries"),
        (
            "FREQ=SECONDLY;INTERVAL=899;BYMINUTE=0,15,30,45;BYSECOND=0;COUNT=7000",
            "to list its COUNT of 7,000 times more than 100,000 were looked at",
        ),
        ("FREQ=HOURLY;INTERVAL=24;BYHOUR=3", "INTERVAL and the BY parts may never meet"),
        ("FREQ=SECONDLY;INTERVAL=99991;BYHOUR=9;BYMINUTE=0;BYSECOND=0", "may never meet"),
        ("FREQ=DAILY;FREQ=DAILY", "FREQ is given twice"),
        ("FREQ=DAILY;EXDATE=20260101", "EXDATE is not allowed here; start= and exclude="),
        ("FREQ=DAILY;DTSTART=20260101", "DTSTART is not allowed here"),
        ("FREQ=DAILY\nEXDATE:20260101", "give one RRULE; the start and excluded days are options"),
        ("FREQ=DAILY;BYEASTER=1", "part 'BYEASTER' is not known"),
        ("FREQ=DAILY;" * 200, "characters; use at most 2,000"),
        ("DTSTART:20260101T090000", "give one RRULE; the start and excluded days are options"),
    ],
)
def test_what_is_wrong_is_named(text: str, complaint: str) -> None:
    with pytest.raises(BadSchedule) as caught:
        Calendar(text, "UTC", START)
    assert complaint in str(caught.value)
    assert str(caught.value).startswith(f'calendar rule "{text[:200]}": ')


@pytest.mark.parametrize("month", range(1, 13))
def test_the_last_day_of_each_month_comes_and_the_day_after_does_not(month: int) -> None:
    last = date(2028, month % 12 + 1, 1) - timedelta(days=1)
    for day in (last.day, -last.day):
        rule = Calendar(f"FREQ=YEARLY;BYMONTH={month};BYMONTHDAY={day}", "UTC", START)
        assert after(rule, instant(datetime(2027, 12, 31, 9, tzinfo=UTC))) is not None
    for day in (last.day + 1, -last.day - 1):
        with pytest.raises(BadSchedule, match=r"this date never comes|is out of range"):
            Calendar(f"FREQ=YEARLY;BYMONTH={month};BYMONTHDAY={day}", "UTC", START)


@pytest.mark.parametrize("start", [date(2026, 1, 1), "2026-01-01", None, 5])
def test_a_start_is_a_datetime(start: Any) -> None:
    with pytest.raises(BadSchedule, match="is not a datetime; write datetime"):
        Calendar("FREQ=DAILY", "UTC", start)


@pytest.mark.parametrize(
    ("text", "zone_name", "start", "message"),
    [
        (5, "UTC", START, "it is not text"),
        ([], "UTC", START, "it is not text"),
        ("FREQ=DAILY", ["UTC"], START, "no time zone ..UTC"),
        ("FREQ=DAILY", None, START, "no time zone None"),
        ("FREQ=DAILY", "UTC", START.replace(year=9999), "is out of range"),
        ("FREQ=DAILY", "UTC", START.replace(year=1), "is out of range"),
    ],
)
def test_each_part_is_of_its_kind(text: Any, zone_name: Any, start: Any, message: str) -> None:
    with pytest.raises(BadSchedule, match=message):
        Calendar(text, zone_name, start)
    with pytest.raises(BadSchedule, match="write dst=Dst"):
        Calendar("FREQ=DAILY", "UTC", START, cast(Any, "skip"))


def test_until_in_utc_is_an_instant_on_both_nights() -> None:
    start = datetime(2026, 10, 31, 0, 0)  # noqa: DTZ001 - as above
    # 05:30 UTC is 01:30 in the first pass of the night; the second is an hour later.
    rule = Calendar("FREQ=MINUTELY;INTERVAL=30;UNTIL=20261101T053000Z", "America/New_York", start)
    assert plan(rule, "2026-11-01T04:59:59+00:00", 9) == ["2026-11-01 01:00", "2026-11-01 01:30"]
    last = instant(datetime(2026, 11, 1, 5, 30, tzinfo=UTC))
    assert before_or_at(rule, last + 10**12) == last
    assert after(rule, last) is None
    second = Calendar("FREQ=HOURLY;UNTIL=20261101T060000Z", "America/New_York", start)
    assert before_or_at(second, 2**52) == instant(datetime(2026, 11, 1, 6, tzinfo=UTC))
    spring = Calendar("FREQ=HOURLY;UNTIL=20270314T070000Z", "America/New_York", start)
    assert before_or_at(spring, 2**52) == instant(datetime(2027, 3, 14, 7, tzinfo=UTC))
    with pytest.raises(BadSchedule, match="it never happens"):
        Calendar("FREQ=DAILY;UNTIL=20261031T035959Z", "America/New_York", start)


def test_a_start_with_an_offset_is_refused() -> None:
    with pytest.raises(BadSchedule, match="write it without an offset"):
        Calendar("FREQ=DAILY", "UTC", START.replace(tzinfo=UTC))


def test_a_rule_is_plain_data() -> None:
    rule = Calendar("FREQ=DAILY", "Europe/Berlin", START, Dst(repeated="both"))
    assert read_rule(write_rule(rule)) == rule
    assert hash(read_rule(write_rule(rule))) == hash(rule)


ALL = {"BYHOUR": range(24), "BYMINUTE": range(60), "BYSECOND": range(60)}
FULL = ";".join(f"{key}={','.join(map(str, values))}" for key, values in ALL.items())
MINUTES = FULL.partition(";")[2]


@pytest.mark.parametrize(
    "text",
    [
        f"FREQ=HOURLY;{MINUTES}",
        f"FREQ=YEARLY;BYDAY=MO,TU,WE,TH,FR,SA,SU;{FULL}",
        f"FREQ=YEARLY;BYDAY=MO,TU,WE,TH,FR,SA,SU;{FULL};BYSETPOS=-366",
        "FREQ=SECONDLY",
        "FREQ=SECONDLY;BYYEARDAY=366;INTERVAL=86399",
        "FREQ=MINUTELY;BYMONTH=2;BYMONTHDAY=29",
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29;BYDAY=MO",
        "FREQ=SECONDLY;INTERVAL=3155760000",
        "FREQ=DAILY;COUNT=10000",
        "FREQ=SECONDLY;INTERVAL=899;BYMINUTE=0,15,30,45;BYSECOND=0;COUNT=7000",
        "FREQ=SECONDLY;INTERVAL=99991;BYHOUR=3;BYMINUTE=0;BYSECOND=0;COUNT=9000",
        "FREQ=HOURLY;INTERVAL=24;BYHOUR=3",
        "FREQ=SECONDLY;INTERVAL=99991;BYHOUR=3;BYMINUTE=0;BYSECOND=0",
        "FREQ=HOURLY;BYYEARDAY=366;BYMONTH=1",
        "FREQ=YEARLY;BYDAY=MO;BYSETPOS=300",
    ],
)
def test_no_rule_takes_long_or_much_memory(text: str) -> None:
    tracemalloc.start()
    try:
        begun = process_time()
        with suppress(BadSchedule):
            rule = Calendar(text, "America/New_York", START)
            after(rule, instant(datetime(2060, 5, 5, tzinfo=UTC)))
            before_or_at(rule, instant(datetime(2060, 5, 5, tzinfo=UTC)))
        spent, (_, peak) = process_time() - begun, tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert spent < 6  # a tenth of that without the tracing
    assert peak < 10_000_000
