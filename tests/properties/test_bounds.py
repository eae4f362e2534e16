"""Whatever is given for a time, it is refused in words or lies within the bounds."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dutiful import App, Dates, Interval, Retry, Snooze, UsageError, unique
from dutiful.config import load_settings
from dutiful.core.instant import SPAN_MAX, instant
from dutiful.core.outcome import Snoozed
from dutiful.core.retry import backoff
from dutiful.testing.clock import FakeClock
from tests.unit.core.dice import Dice

FIRST = instant(datetime(1000, 1, 1, tzinfo=UTC))
LAST = instant(datetime(8999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC))

UNITS = st.sampled_from(["us", "ms", "s", "m", "h", "d", "w", "", "y", " s"])
SPANS = st.one_of(
    st.integers(),
    st.floats(),
    st.booleans(),
    st.none(),
    st.timedeltas(),
    st.decimals(),
    st.fractions(),
    st.builds("{}{}".format, st.integers(-5) | st.floats(), UNITS),
    st.text(max_size=20),
    st.binary(max_size=5),
    st.lists(st.integers(), max_size=2),
)
OFFSETS = st.timedeltas(timedelta(hours=-23), timedelta(hours=23)).map(timezone)
INSTANTS = st.one_of(st.datetimes(timezones=st.none() | st.just(UTC) | OFFSETS), SPANS, st.dates())


def noop() -> None: ...


def using(name: str) -> Callable[[Any], int | None]:
    task = App("memory://").task(noop)
    return lambda value: getattr(task.using(**{name: value}).options, name)


def scheduled(name: str) -> Callable[[Any], int | None]:
    def read(value: Any) -> int | None:
        app = App("memory://")
        app.every("1h", **{name: value})(app.task(noop))  # type: ignore[arg-type]  # any name
        return getattr(app.schedules.declared["noop"], name)

    return read


def snoozed(value: Any) -> int:
    outcome: Snoozed = Snooze(value).outcome
    return outcome.delay


def policy(name: str) -> Callable[[Any], int | None]:
    return lambda value: getattr(Retry(**{name: value}).policy, name)


def setting(name: str) -> Callable[[Any], int | None]:
    return lambda value: getattr(load_settings("memory://", environ={}, **{name: value}), name)


def waited(value: Any) -> int:
    """The longest wait that a policy of these numbers can ask for."""
    retry = Retry(delay=value, cap=value, factor=1e300, jitter="none").policy
    return max(backoff(retry, attempt, Dice(0.0)) for attempt in (1, 2, 2**31 - 1))


SPAN_WAYS: dict[str, Callable[[Any], int | None]] = {
    **{name: using(name) for name in ("delay", "expires_in")},
    **{f"policy {name}": policy(name) for name in ("delay", "cap", "within")},
    **{
        f"schedule {name}": scheduled(name)
        for name in (
            *("jitter", "late_after", "misfire_window", "start_within", "finish_within"),
            "expires_in",
        )
    },
    **{f"setting {name}": setting(name) for name in ("keep_dead", "unknown_task_after", "lease")},
    "after": lambda value: Retry(after=value).after,
    "snooze": snoozed,
    "wait": waited,
    "period": lambda value: unique("k", period=value).period,
    "every": lambda value: Interval.every(value).period,
    "timeout": lambda value: App("memory://").task(timeout=value)(noop).spec.timeout,
}


@pytest.mark.parametrize("way", SPAN_WAYS.values(), ids=SPAN_WAYS)
@settings(max_examples=30)
@given(value=SPANS)
@example(value=timedelta.max)
@example(value=timedelta.min)
@example(value=1e13)
@example(value=-0.0)
@example(value="999999999w")
@example(value="9" * 10_000 + "w")
@example(value=Decimal("1e1000000"))
@example(value=Fraction(10**400, 3))
@example(value=10**5000)
def test_a_span_is_refused_or_within_a_century(way: Callable[[Any], Any], value: Any) -> None:
    refused_or_within(way, value, 0, SPAN_MAX)


def refused_or_within(way: Callable[[Any], Any], value: Any, least: int, most: int) -> None:
    text, found = "", None
    try:
        found = way(value)
    except UsageError as error:
        text = str(error)
    assert found is None or (type(found) is int and least <= found <= most)
    assert len(text) < 400


INSTANT_WAYS: dict[str, Callable[[Any], int | None]] = {
    "run_at": using("run_at"),
    "until": lambda value: Snooze(until=value).outcome.until,
    "anchor": lambda value: Interval.every("1h", anchor=value).anchor,
    "dates": lambda value: Dates.at(value).instants[0],
    "clock": lambda value: FakeClock(value).now(),
}


@pytest.mark.parametrize("way", INSTANT_WAYS.values(), ids=INSTANT_WAYS)
@settings(max_examples=30)
@given(value=INSTANTS)
@example(value=datetime.max.replace(tzinfo=UTC))
@example(value=datetime.min.replace(tzinfo=UTC))
@example(value=datetime.max.replace(tzinfo=timezone(timedelta(hours=-23))))
@example(value=datetime.min.replace(tzinfo=timezone(timedelta(hours=23))))
def test_an_instant_is_refused_or_within_its_years(way: Callable[[Any], Any], value: Any) -> None:
    refused_or_within(way, value, FIRST, LAST)
