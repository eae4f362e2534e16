"""What holds for every rule: order, agreement of the three questions, plain data."""

import re
from datetime import date, datetime, timedelta
from itertools import pairwise, takewhile

import pytest
from cronsim import CronSim
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from dutiful.core.errors import BadSchedule
from dutiful.core.instant import DAY, HOUR, SECOND, instant, moment
from dutiful.core.rule import (
    Calendar,
    Cron,
    Dates,
    Dst,
    Interval,
    Rule,
    RuleBounds,
    after,
    before_or_at,
    between,
    jittered,
    read_rule,
    write_rule,
)
from tests.properties.schedules.expressions import five, six

ZONES = st.sampled_from(
    ["UTC", "America/New_York", "Australia/Lord_Howe", "Asia/Beirut", "Africa/Casablanca"]
)
FROM, TO = (instant(datetime.fromisoformat(f"{year}-01-01T00:00:00Z")) for year in (2020, 2041))
INSTANTS = st.integers(FROM, TO)
DSTS = st.builds(
    Dst, st.sampled_from(["after", "skip"]), st.sampled_from(["first", "last", "both"])
)
STARTS = st.datetimes(datetime(2019, 1, 1), datetime(2021, 1, 1)).map(  # noqa: DTZ001 - walls
    lambda wall: wall.replace(microsecond=0)
)
RRULES = st.builds(
    "FREQ={};INTERVAL={}{}".format,
    st.sampled_from(["YEARLY", "MONTHLY", "WEEKLY", "DAILY", "HOURLY"]),
    st.integers(1, 5),
    st.sampled_from(
        [
            "",
            ";COUNT=50",
            ";UNTIL=20300101",
            ";BYDAY=MO,SA",
            ";BYDAY=SU,TU;WKST=SU",
            ";BYMONTH=2,7",
            ";BYMONTH=1,3,12;BYDAY=TU,SU",
            ";BYMINUTE=10,40;BYSECOND=0,59;BYHOUR=1,23",
            ";BYHOUR=0,2",
        ]
    ),
)


@st.composite
def calendars(draw: st.DrawFn) -> Calendar:
    try:
        return Calendar(draw(RRULES), draw(ZONES), draw(STARTS), draw(st.none() | DSTS))
    except BadSchedule:  # an interval that never meets its day
        assume(False)
        raise


@st.composite
def crons(draw: st.DrawFn) -> Cron:
    try:
        return Cron(draw(st.one_of(five, six)), draw(ZONES), draw(st.none() | DSTS))
    except BadSchedule:  # 31 June
        assume(False)
        raise


RULES: st.SearchStrategy[Rule] = st.one_of(
    crons(),
    calendars(),
    st.builds(Interval, st.integers(1, 400 * DAY), INSTANTS),
    st.builds(Dates, st.lists(INSTANTS, min_size=1, max_size=20).map(tuple)),
)
BOUNDS = st.builds(
    RuleBounds,
    start=st.none() | st.integers(FROM, FROM + 5 * 366 * DAY),
    end=st.none() | st.integers(TO - 5 * 366 * DAY, TO),
    days=st.lists(st.dates(date(2020, 1, 1), date(2040, 12, 31)), max_size=5).map(tuple),
    zone=ZONES,
)


@settings(deadline=None)
@given(RULES, BOUNDS | st.just(RuleBounds()), INSTANTS)
def test_the_three_questions_agree(rule: Rule, bounds: RuleBounds, at: int) -> None:
    found = between(rule, at, at + 30 * 366 * DAY, 20, bounds)
    assert found == sorted(set(found))
    previous = at
    for each in found:
        assert each > previous
        assert after(rule, previous, bounds) == each
        assert after(rule, each - 1, bounds) == each
        assert before_or_at(rule, each, bounds) == each
        if previous != at:
            assert before_or_at(rule, each - 1, bounds) == previous
        assert not bounds.leaves_out(each)
        previous = each
    latest = before_or_at(rule, at, bounds)
    if latest is not None:
        assert latest <= at
        assert after(rule, latest - 1, bounds) == latest
        assert between(rule, latest, at, 1, bounds) == []


@settings(deadline=None)
@given(RULES)
def test_a_rule_survives_being_stored(rule: Rule) -> None:
    stored = write_rule(rule)
    assert read_rule(stored) == rule
    assert write_rule(read_rule(stored)) == stored
    assert hash(read_rule(stored)) == hash(rule)


@given(st.text(max_size=40), INSTANTS, st.integers(0, DAY))
def test_jitter_stays_within_its_bounds(name: str, planned: int, jitter: int) -> None:
    assert planned <= jittered(name, planned, jitter) <= planned + jitter


@settings(deadline=None)
@given(st.one_of(five, six), INSTANTS, st.booleans())
def test_another_library_finds_the_same_days(text: str, at: int, backwards: bool) -> None:
    """In UTC, where no clock changes, cronsim is a second judge, in both directions."""
    assume(not re.search(r"\b(\d+)-\1/", text))  # It reads 5-5/10 as 5/10.
    start = moment(at // SECOND * SECOND)
    try:
        rule = Cron(text)
    except BadSchedule:
        assume(False)
        raise
    theirs = CronSim(text.replace("SUNL", "0L"), start, reverse=backwards)
    expected = [next(theirs) for _ in range(5)]
    if backwards:
        found: list[int | None] = [before_or_at(rule, instant(start) - 1)]
        for _ in range(4):
            found.append(before_or_at(rule, (found[-1] or 0) - 1))
    else:
        found = [*between(rule, instant(start), instant(start) + 60 * 366 * DAY, 5)]
    assert found == [instant(each) for each in expected]


FULL = [
    "YEARLY;BYDAY=20MO,-1SU",
    "YEARLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=1,-1,100",
    "YEARLY;BYMONTH=3,10;BYDAY=-1SU,2SU",
    "YEARLY;BYYEARDAY=1,60,366,-1,-366",
    "YEARLY;BYWEEKNO=1,20,53,-1",
    "YEARLY;BYWEEKNO=53;BYDAY=MO;WKST=SU",
    "YEARLY;BYMONTHDAY=29;BYMONTH=2",
    "YEARLY;BYHOUR=6,18;BYDAY=FR;BYMONTHDAY=13;BYSETPOS=-1",
    "MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1,2",
    "MONTHLY;BYDAY=SA,SU;BYHOUR=3,9,21;BYSETPOS=4,-2,300",
    "MONTHLY;BYDAY=1MO,-1FR,5WE",
    "MONTHLY;BYMONTHDAY=1,15,31,-1,-31",
    "WEEKLY;BYDAY=MO,WE,SU;BYHOUR=5,6;BYSETPOS=1,-1;WKST=SU",
    "WEEKLY;BYDAY=SU,MO;WKST=WE",
    "DAILY;BYHOUR=1,2,3;BYMINUTE=0,30;BYSETPOS=2,-1",
    "DAILY;BYMONTHDAY=-1,13;BYDAY=FR,SA",
    "HOURLY;BYMINUTE=0,20,40;BYSETPOS=-1,2",
    "HOURLY;BYDAY=SA;BYHOUR=0,12,23",
    "HOURLY;BYYEARDAY=100,-1",
    "MINUTELY;BYHOUR=3,4;BYSECOND=5,50;BYSETPOS=-1",
    "MINUTELY;BYHOUR=9,21;BYMINUTE=0,7,30",
    "SECONDLY;BYHOUR=3;BYMINUTE=15,16",
]


@st.composite
def full(draw: st.DrawFn) -> Calendar:
    text = f"FREQ={draw(st.sampled_from(FULL))};INTERVAL={draw(st.sampled_from([1, 1, 2, 3, 7]))}"
    try:
        return Calendar(text, "UTC", draw(STARTS))
    except BadSchedule:  # an interval that never meets its day
        assume(False)
        raise


@settings(deadline=None)
@given(calendars() | full(), st.integers(0, 3000))
def test_a_calendar_rule_is_what_dateutil_counts_from_its_start(rule: Calendar, days: int) -> None:
    _agrees_with_dateutil(rule, days)


@pytest.mark.parametrize("form", FULL)
def test_each_form_is_what_dateutil_counts_from_its_start(form: str) -> None:
    """Chance may leave out a form, and what is refused by mistake looks like bad luck above."""
    start = datetime(2020, 2, 28, 3, 15, 5)  # noqa: DTZ001 - a wall
    _agrees_with_dateutil(Calendar(f"FREQ={form}", "UTC", start), 0, 60)


def _agrees_with_dateutil(rule: Calendar, days: int, count: int = 10) -> None:
    """Found from anywhere, a rule must not differ from one counted from its start."""
    from dateutil.rrule import rrulestr

    if rule.rrule.startswith(("FREQ=MINUTELY", "FREQ=SECONDLY")):
        days %= 30  # theirs counts every second
    if "BYSETPOS" in rule.rrule:
        days += 7  # theirs chooses from the rest of the first week, as if it were a week
    utc = Calendar(rule.rrule, "UTC", rule.start)
    begin = rule.start + timedelta(days=days)
    text = rule.rrule.replace("UNTIL=20300101", "UNTIL=20300101T235959")
    counted = rrulestr(text, dtstart=rule.start)
    limit = begin + timedelta(days=5000)
    expected = list(takewhile(lambda each: each < limit, counted.xafter(begin, count=count)))
    found = between(utc, _wall(begin), _wall(limit) - 1, count)
    assert found == [_wall(each) for each in expected]
    backwards = [before_or_at(utc, at) for at in found]
    assert backwards == [*found]
    assert [before_or_at(utc, at - 1) for at in found[1:]] == found[:-1]


def _wall(wall: datetime) -> int:
    return instant(datetime.fromisoformat(f"{wall.isoformat()}+00:00"))


@pytest.mark.parametrize("shift", [HOUR, 30 * 60 * SECOND])
def test_an_interval_does_not_notice_the_clocks(shift: int) -> None:
    rule = Interval(shift)
    found = between(rule, FROM, FROM + 366 * DAY, 100_000)
    assert {later - sooner for sooner, later in pairwise(found)} == {shift}
