"""Every night on which a zone's clocks change, against a walk that knows nothing of the product.

``make oracle`` walks every change of every zone from 2020 to 2040; without ``ORACLE`` in the
environment a zone's first two are walked, and all those of the zones that are known to be hard.
"""

import os
import zoneinfo
from datetime import UTC, datetime, timedelta
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dutiful.core.errors import BadSchedule
from dutiful.core.instant import instant, moment
from dutiful.core.rule import Cron, Dst, before_or_at, between
from tests.properties.schedules.expressions import NASTY, five, six
from tests.properties.schedules.oracle import SPAN, Expression, Walk, nights, planned

HARD = [
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Asia/Beirut",
    "America/Santiago",
    "Africa/Casablanca",
    "America/New_York",
    "Europe/Berlin",
    "Europe/Dublin",
    "Antarctica/Troll",
    "Asia/Gaza",
    "Asia/Tehran",
    "America/Nuuk",
    "Africa/Juba",
    "Asia/Amman",
]
FULL = bool(os.environ.get("ORACLE"))
SHARES = 16
MINUTE, SECOND, DAY = timedelta(minutes=1), timedelta(seconds=1), timedelta(days=1)
# Changes of a whole day or from before 2020, which a rule must survive all the same.
LONG_AGO = [
    ("Pacific/Apia", datetime(2011, 12, 30, 10, tzinfo=UTC)),
    ("Pacific/Kwajalein", datetime(1993, 8, 20, 12, tzinfo=UTC)),
    ("Pacific/Kiritimati", datetime(1994, 12, 31, 10, tzinfo=UTC)),
    ("America/St_Johns", datetime(2006, 10, 29, 2, tzinfo=UTC)),
    ("Antarctica/Casey", datetime(2010, 3, 4, 15, tzinfo=UTC)),
]


@cache
def changes(zone: str) -> tuple[datetime, ...]:
    return tuple(nights(zone, *SPAN))


@cache
def walk(zone: str, night: datetime, hours: int, step: timedelta) -> Walk:
    return Walk(zone, night - timedelta(hours=hours), night + timedelta(hours=hours), step)


def compare(text: str, zone: str, watched: Walk, dst: Dst | None = None) -> None:
    """Hold a rule against the oracle within a walk, less its ends, where the oracle knows half."""
    missing, repeated = (dst.missing, dst.repeated) if dst else (None, None)
    margin = (watched.end - watched.start) / 12
    start, end = watched.start + margin, watched.end - margin
    expected = [
        at for at in planned(Expression(text), watched, missing, repeated) if start < at <= end
    ]
    try:
        rule = Cron(text, zone, dst)
    except BadSchedule:  # a drawn one may name a date that never comes
        assert not expected, f"{text} in {zone} is refused"
        return
    found = between(rule, instant(start), instant(end), 100_000)
    assert [moment(at) for at in found] == expected, f"{text} in {zone}"
    backwards: list[int] = []
    at = before_or_at(rule, instant(end))
    while at is not None and at > instant(start):
        backwards.append(at)
        at = before_or_at(rule, at - 1)
    assert backwards[::-1] == found, f"{text} in {zone}, backwards"


@cache
def distinct() -> list[str]:
    """Return one zone for each history of changes: many names are aliases."""
    seen: dict[tuple[object, ...], str] = {}
    for zone in sorted(zoneinfo.available_timezones() - {"localtime", "Factory"}):
        local = zoneinfo.ZoneInfo(zone)
        # A short run tells zones apart by the middle and the end of each month's offset.
        looks = changes(zone) if FULL else (SPAN[0] + 15 * DAY * n for n in range(511))
        history = [
            (look if FULL else None, (look + DAY).astimezone(local).utcoffset()) for look in looks
        ]
        seen.setdefault((SPAN[0].astimezone(local).utcoffset(), *history), zone)
    return list(seen.values())


@pytest.mark.parametrize("share", range(SHARES))
@pytest.mark.timeout(900 if FULL else 60)
def test_every_zone(share: int) -> None:
    for zone in distinct()[share::SHARES]:
        for number, night in enumerate(changes(zone) if FULL else changes(zone)[:2]):
            # A short run takes a third of the expressions at each night, others the next.
            for text in NASTY if FULL else NASTY[(number + share) % 3 :: 3]:
                compare(text, zone, walk(zone, night, 30, MINUTE))
        walk.cache_clear()


@pytest.mark.parametrize("zone", HARD)
@pytest.mark.timeout(300)
def test_hard_zones(zone: str) -> None:
    for number, night in enumerate(changes(zone)):
        for text in NASTY if FULL else NASTY[number % 5 :: 5]:
            compare(text, zone, walk(zone, night, 30, MINUTE))
    walk.cache_clear()


@pytest.mark.parametrize(("zone", "night"), LONG_AGO)
def test_days_that_never_were(zone: str, night: datetime) -> None:
    watched = walk(zone, night, 60, MINUTE)
    for text in NASTY:
        compare(text, zone, watched)


drawn_nights = st.sampled_from(HARD).flatmap(
    lambda zone: st.tuples(st.just(zone), st.sampled_from(changes(zone) or (SPAN[0],)))
)
rules = st.one_of(
    st.none(),
    st.builds(Dst, st.sampled_from(["after", "skip"]), st.sampled_from(["first", "last", "both"])),
)


@settings(deadline=None, max_examples=2000 if FULL else 150)
@given(five, drawn_nights, rules)
@pytest.mark.timeout(900 if FULL else 60)
def test_any_expression(text: str, night: tuple[str, datetime], dst: Dst | None) -> None:
    compare(text, night[0], walk(*night, 30, MINUTE), dst)


@settings(deadline=None, max_examples=500 if FULL else 40)
@given(six, drawn_nights, rules)
@pytest.mark.timeout(900 if FULL else 60)
def test_any_expression_with_seconds(
    text: str, night: tuple[str, datetime], dst: Dst | None
) -> None:
    compare(text, night[0], walk(*night, 4, SECOND), dst)
