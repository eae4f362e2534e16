"""Instants and spans."""

from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from dutiful.core.errors import BadOption
from dutiful.core.instant import (
    DAY,
    HOUR,
    MINUTE,
    SECOND,
    SPAN_MAX,
    instant,
    local_instant,
    moment,
    span,
    spell,
)


def test_an_instant_is_whole_microseconds_since_the_epoch() -> None:
    assert instant(datetime(1970, 1, 1, tzinfo=UTC)) == 0
    assert instant(datetime(1970, 1, 2, 0, 0, 0, 1, tzinfo=UTC)) == DAY + 1
    assert instant(datetime(1969, 12, 31, tzinfo=UTC)) == -DAY


def test_an_instant_is_the_same_in_every_zone() -> None:
    berlin = timezone(timedelta(hours=1))
    assert instant(datetime(1970, 1, 1, 1, tzinfo=berlin)) == 0


def test_a_moment_without_a_zone_is_refused() -> None:
    with pytest.raises(BadOption, match="1970-01-01T00:00:00 has no time zone"):
        instant(datetime(1970, 1, 1))  # noqa: DTZ001 - that is what is refused


def test_an_instant_becomes_a_moment_again() -> None:
    at = datetime(2026, 7, 1, 12, 30, 15, 123456, tzinfo=UTC)
    assert moment(instant(at)) == at


@pytest.mark.parametrize(
    ("value", "micros"),
    [
        ("30s", 30 * SECOND),
        ("1h30m", 90 * MINUTE),
        ("1h 30m", 90 * MINUTE),
        (" 7d ", 7 * DAY),
        ("2w", 14 * DAY),
        ("250ms", 250_000),
        ("5us", 5),
        ("1.5h", 90 * MINUTE),
        ("0s", 0),
        (90, 90 * SECOND),
        (0.25, 250_000),
        (0, 0),
        (timedelta(minutes=1, microseconds=1), MINUTE + 1),
        ("1s".rjust(1000), SECOND),
    ],
)
def test_a_span_is_read(value: Any, micros: int) -> None:
    assert span(value) == micros


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "soon",
        "10",
        "1h30",
        "h",
        "1 hour",
        "-1s",
        "1y",
        "1.s",
        "s1",
        "1h,2m",
        "1s".rjust(1001),
    ],
)
def test_what_is_no_span_is_refused_with_examples(text: str) -> None:
    with pytest.raises(BadOption, match='is not a length of time; write "30s"'):
        span(text)


@pytest.mark.parametrize("value", [-1, -0.5, timedelta(seconds=-1)])
def test_a_negative_span_is_refused(value: Any) -> None:
    with pytest.raises(BadOption, match="negative"):
        span(value)


class Broken:
    """Fails whatever is asked of it."""

    def __repr__(self) -> str:
        """Fail."""
        raise RuntimeError

    def __float__(self) -> float:
        """Fail."""
        raise ZeroDivisionError


ENDLESS = [
    float("nan"),
    float("inf"),
    -float("inf"),
    "9" * 400 + "s",
    "9" * 1_000_000 + "w",
    "9" * 1_000_000,
    "1s" * 1_000_000,
    "\u0663s",
    None,
    [1],
    True,
    False,
    1j,
    b"1s",
    Broken(),
    Decimal("NaN"),
    Decimal("Infinity"),
    datetime(2026, 1, 1),  # noqa: DTZ001 - it is no span with a zone either
]


@pytest.mark.parametrize("value", ENDLESS, ids=range(len(ENDLESS)))
def test_a_span_without_end_is_refused(value: Any) -> None:
    with pytest.raises(BadOption, match="not a length of time"):
        span(value)


@pytest.mark.parametrize(
    "value",
    [
        timedelta.max,
        1e13,
        1e300,
        10**30,
        10**5000,
        "999999999w",
        "36600d1us",
        timedelta(days=36600, microseconds=1),
        Decimal("1e20"),
        Fraction(10**20),
    ],
    ids=range(10),
)
def test_a_span_of_more_than_a_century_is_refused(value: Any) -> None:
    with pytest.raises(BadOption, match="longer than a century") as caught:
        span(value)
    assert len(str(caught.value)) < 200


def test_the_longest_span_is_a_century() -> None:
    assert span("36600d") == span(timedelta(days=36600)) == span(3_162_240_000) == SPAN_MAX


@pytest.mark.parametrize("value", [-timedelta.resolution, timedelta.min, -1e300, -(10**50)])
def test_no_span_is_negative(value: Any) -> None:
    with pytest.raises(BadOption, match="negative"):
        span(value)


@pytest.mark.parametrize("value", [Decimal("1.5"), Fraction(3, 2)])
def test_any_number_counts_seconds(value: Any) -> None:
    assert span(value) == 1_500_000


class Lost(tzinfo):
    """A zone that does not know its offset, or fails."""

    def utcoffset(self, dt: datetime | None, /) -> timedelta | None:
        """Fail after the year 2000."""
        if dt is not None and dt.year > 2000:
            raise RuntimeError("no such year")
        return None


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (datetime.max.replace(tzinfo=UTC), "years 1000 to 8999"),
        (datetime.min.replace(tzinfo=UTC), "years 1000 to 8999"),
        (datetime.max.replace(tzinfo=timezone(-timedelta(hours=23))), "years 1000 to 8999"),
        (datetime(9000, 1, 1, tzinfo=UTC), "9000-01-01T00:00:00.00:00 is out of range"),
        (date(2026, 1, 1), "is not a datetime"),
        ("2026-01-01", "is not a datetime"),
        (1_700_000_000, "is not a datetime"),
        (None, "is not a datetime"),
        (datetime(2000, 1, 1, tzinfo=Lost()), "has no time zone"),
        (datetime(2001, 1, 1, tzinfo=Lost()), "no such year"),
    ],
)
@pytest.mark.parametrize("read", [instant, local_instant])
def test_an_instant_out_of_bounds_is_refused(read: Any, value: Any, message: str) -> None:
    with pytest.raises(BadOption, match=message):
        read(value)


def test_the_last_instant_and_the_longest_spans_stay_a_date() -> None:
    last = instant(datetime(8999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC))
    assert moment(last + 9 * SPAN_MAX).year < 9999
    assert last + 9 * SPAN_MAX < 2**63


@pytest.mark.parametrize(
    ("micros", "text"),
    [
        (0, "0s"),
        (1, "0.001ms"),
        (250_000, "250ms"),
        (SECOND, "1s"),
        (1_500_000, "1.5s"),
        (90 * MINUTE, "1h30m"),
        (DAY, "1d"),
        (8 * DAY + HOUR + 1 * SECOND, "8d1h1s"),
        (MINUTE + 5, "1m0.000005s"),
        (59_123_456, "59.123456s"),
        (100 * DAY, "100d"),
    ],
)
def test_a_span_is_written_as_a_person_would(micros: int, text: str) -> None:
    assert spell(micros) == text
    assert span(text) == micros
