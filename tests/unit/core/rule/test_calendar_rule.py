"""Calendar rules: what they plan, which parts their start implies, what is said of wrong ones."""

from datetime import UTC, datetime
from types import ModuleType
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
    calendar_rule,
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
        ("FREQ=DAILY;BYHOUR=1;BYHOUR=2", "BYHOUR stands twice; join its values with commas"),
        ("FREQ=DAILY;BYHOUR=25", "hour must be in 0..23"),
        ("FREQ=DAILY;BYDAY=XX", "invalid 'BYDAY': XX"),
        ("FREQ=DAILY;BYDAY=1MO", "BYDAY=1MO: numbered days need FREQ=MONTHLY or YEARLY"),
        ("FREQ=DAILY;INTERVAL=0", "INTERVAL '0' is not a whole number from 1 on"),
        ("FREQ=DAILY;COUNT=x", "COUNT 'X' is not a whole number"),
        ("FREQ=DAILY;COUNT=10001", "COUNT 10001 is out of range 1-10000; use UNTIL"),
        ("FREQ=DAILY;COUNT=3;UNTIL=20270101", "COUNT and UNTIL do not go together"),
        ("FREQ=DAILY;UNTIL=2027", "UNTIL '2027'; write 20261231, 20261231T235959"),
        ("FREQ=DAILY;UNTIL=20261332", "UNTIL '20261332' is no date"),
        ("FREQ=DAILY;UNTIL=20250101", "it never happens between its start and its end"),
        ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "this date never comes; no month named has 30"),
        ("FREQ=WEEKLY;WKST=XX", "WKST 'XX' is not known; write one of MO"),
        ("FREQ=MINUTELY;BYMONTH=1", "would be searched one by one; use a cron expression"),
        ("FREQ=SECONDLY;BYDAY=MO", "FREQ=SECONDLY with BYDAY would be searched one by one"),
        ("DTSTART:20260101T090000", "give one RRULE; the start and excluded days are options"),
    ],
)
def test_what_is_wrong_is_named(text: str, complaint: str) -> None:
    with pytest.raises(BadSchedule) as caught:
        Calendar(text, "UTC", START)
    assert complaint in str(caught.value)
    assert str(caught.value).startswith(f'calendar rule "{text}": ')


def test_a_start_with_an_offset_is_refused() -> None:
    with pytest.raises(BadSchedule, match="write it without an offset"):
        Calendar("FREQ=DAILY", "UTC", START.replace(tzinfo=UTC))


def test_a_rule_is_plain_data() -> None:
    rule = Calendar("FREQ=DAILY", "Europe/Berlin", START, Dst(repeated="both"))
    assert read_rule(write_rule(rule)) == rule
    assert hash(read_rule(write_rule(rule))) == hash(rule)


def test_without_the_extra_one_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> ModuleType:
        raise ImportError(name)

    monkeypatch.setattr(calendar_rule, "import_module", absent)
    with pytest.raises(BadSchedule, match=r'pip install "dutiful\[calendars\]"'):
        Calendar("FREQ=DAILY;INTERVAL=977", "UTC", START)
