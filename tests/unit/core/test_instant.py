"""Instants and spans."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from dutiful.core.errors import BadOption
from dutiful.core.instant import DAY, HOUR, MINUTE, SECOND, instant, moment, span, spell


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
    ],
)
def test_a_span_is_read(value: Any, micros: int) -> None:
    assert span(value) == micros


@pytest.mark.parametrize(
    "text", ["", " ", "soon", "10", "1h30", "h", "1 hour", "-1s", "1y", "1.s", "s1", "1h,2m"]
)
def test_what_is_no_span_is_refused_with_examples(text: str) -> None:
    with pytest.raises(BadOption, match='is not a length of time; write "30s"'):
        span(text)


@pytest.mark.parametrize("value", [-1, -0.5, timedelta(seconds=-1)])
def test_a_negative_span_is_refused(value: Any) -> None:
    with pytest.raises(BadOption, match="negative"):
        span(value)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "9" * 400 + "s", None, [1]])
def test_a_span_without_end_is_refused(value: Any) -> None:
    with pytest.raises(BadOption, match="not a length of time"):
        span(value)


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
