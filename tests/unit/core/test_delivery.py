"""When a failed sending is tried again, and what a status means."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dutiful.core.delivery import AFTER_MAX, TRIES_MAX, next_try, refusal
from dutiful.core.errors import NotSent
from dutiful.core.instant import HOUR, SECOND

AGAIN = NotSent("answered 500")
NOW = 1_767_225_600 * SECOND


class Fixed:
    def __init__(self, value: float) -> None:
        self.value = value

    def random(self) -> float:
        return self.value


def test_the_waits_grow_and_end() -> None:
    waits = [next_try(tries, AGAIN, Fixed(0.5)) for tries in range(1, TRIES_MAX + 1)]
    assert waits[-1] is None
    known = [wait // SECOND for wait in waits[:-1] if wait is not None]
    assert known == [5, 30, 120, 600, 1800, 3600, 3600, 3600, 3600]
    assert 4 * HOUR < sum(known) * SECOND < 5 * HOUR


@given(tries=st.integers(-5, TRIES_MAX - 1), chance=st.floats(0, 1, exclude_max=True))
def test_a_wait_is_near_the_table(tries: int, chance: float) -> None:
    middle = next_try(tries, AGAIN, Fixed(0.5))
    wait = next_try(tries, AGAIN, Fixed(chance))
    assert middle is not None
    assert wait is not None
    assert 0.74 * middle <= wait <= 1.25 * middle


def test_a_permanent_failure_is_not_tried_again() -> None:
    assert next_try(1, NotSent("no such room", permanent=True), Fixed(0)) is None


def test_the_receivers_wish_is_obeyed_up_to_an_hour() -> None:
    assert next_try(1, NotSent("busy", after=60 * SECOND), Fixed(0)) == 60 * SECOND
    assert next_try(1, NotSent("busy", after=99 * HOUR), Fixed(0)) == AFTER_MAX
    assert next_try(6, NotSent("busy", after=1), Fixed(0.5)) == HOUR


@pytest.mark.parametrize(
    ("header", "after"),
    [
        (None, None),
        ("7", 7 * SECOND),
        (" 7 ", 7 * SECOND),
        ("0", 0),
        ("9" * 5_000, AFTER_MAX),
        ("Thu, 01 Jan 2026 00:00:30 GMT", 30 * SECOND),
        ("Thu, 01 Jan 2020 00:00:30 GMT", 0),
        ("Thu, 01 Jan 2099 00:00:30 GMT", AFTER_MAX),
        ("-7", None),
        ("soon", None),
        ("Thu, 99 Jan 2026", None),
        ("٣", None),
    ],
)
def test_retry_after(header: str | None, after: int | None) -> None:
    failure = refusal(503, header, NOW)
    assert failure is not None
    assert failure.after == after


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_a_success_is_no_failure(status: int) -> None:
    assert refusal(status, "7", NOW) is None


@pytest.mark.parametrize(
    ("status", "permanent"),
    [
        *((number, True) for number in (301, 308, 400, 401, 404, 410, 413)),
        *((number, False) for number in (408, 425, 429, 500, 503, 599)),
    ],
)
def test_which_refusals_are_permanent(status: int, permanent: bool) -> None:
    failure = refusal(status, None, NOW)
    assert failure is not None
    assert failure.permanent is permanent
    assert str(status) in str(failure)
