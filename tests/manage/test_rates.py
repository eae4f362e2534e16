"""How fast queues fill and empty, and what is said of it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from dutiful.core.alerting.sample import Activity
from dutiful.core.instant import MINUTE, SECOND
from dutiful.manage.frame_records import Trend
from dutiful.manage.rates import WINDOW, Rates, outlook

NOON = 30_000_000 * MINUTE


def row(at: int, succeeded: int, queue: str = "mail", name: str = "send") -> Activity:
    return Activity(at=at, queue=queue, name=name, succeeded=succeeded, dead=1)


def test_a_first_look_takes_the_rate_from_whole_minutes() -> None:
    rates = Rates()
    assert rates.rate("mail") is None
    rates.add_ended(NOON + 30 * SECOND, [row(NOON, 29), row(NOON - MINUTE, 59), row(0, 10**6)])
    assert rates.rate("mail") == pytest.approx(1.0)
    assert rates.rate("other") == 0


def test_later_looks_take_the_difference_also_over_the_minutes_end() -> None:
    rates, begin = Rates(), NOON + 50 * SECOND
    rates.add_ended(begin, [row(NOON, 500)])
    rates.add_ended(begin + 20 * SECOND, [row(NOON, 600), row(NOON + MINUTE, 99)])
    assert rates.rate("mail") == pytest.approx((100 + 100) / 20)


def test_what_is_older_than_the_window_is_forgotten() -> None:
    rates = Rates()
    for second in range(0, 300, 2):
        ended = min(second, 200) * 10
        rates.add_ended(NOON + second * SECOND, [row(NOON, ended)])
        rates.add_counted(NOON + second * SECOND, {"mail": 5000 - ended})
    assert rates.rate("mail") == 0
    assert rates.growth("mail") == 0
    assert len(rates._ended) <= WINDOW // (2 * SECOND) + 2


def test_a_clock_that_is_set_back_begins_again() -> None:
    rates = Rates()
    rates.add_counted(NOON, {"mail": 5})
    rates.add_counted(NOON + 20 * SECOND, {"mail": 100})
    assert rates.growth("mail") == pytest.approx(95 / 20)
    rates.add_counted(NOON - MINUTE, {"mail": 7})
    assert rates.growth("mail") is None


def test_rare_counts_still_give_a_growth_and_noise_gives_none() -> None:
    rates = Rates()
    rates.add_counted(NOON, {"mail": 1000, "few": 3})
    assert rates.growth("mail") is None
    rates.add_counted(NOON + SECOND, {"mail": 2000})
    assert rates.growth("mail") is None
    rates.add_counted(NOON + 100 * SECOND, {"mail": 1500, "few": 4})
    assert rates.growth("mail") == pytest.approx(-500 / 99)
    assert rates.growth("few") == pytest.approx(4 / 99)
    rates.add_counted(NOON + 200 * SECOND, {"mail": 1510, "few": 5})
    assert rates.growth("mail") == 0
    assert rates.growth("few") == 0


@pytest.mark.parametrize(
    ("waiting", "running", "age", "given", "trend"),
    [
        (0, 0, 0, {}, "empty"),
        (0, 0, 0, {"paused": True}, "paused"),
        (9, 0, 0, {"paused": True, "served": False}, "paused"),
        (9, 0, 0, {"served": False, "growth": 3.0}, "unserved"),
        (900, 1, 90, {"growth": 3.0, "rate": 9.0}, "growing"),
        (900, 1, 90, {"growth": -3.0, "rate": 9.0}, "draining"),
        (900, 1, 90, {"growth": None, "rate": 9.0}, "at-least"),
        (900, 1, 90, {"growth": 0.0, "rate": 9.0}, "steady"),
        (9, 1, 1, {"growth": 3.0, "rate": 9.0}, "steady"),
        (9, 0, 61, {"growth": 0.0, "rate": 0.0}, "stuck"),
        (9, 0, 59, {"growth": 0.0, "rate": 0.0}, "unknown"),
        (9, 4, 3600, {"growth": 0.0, "rate": 0.0}, "unknown"),
        (9, 0, 3600, {"growth": None, "rate": None, "served": None}, "unknown"),
    ],
)
def test_the_outlook_is_honest(
    waiting: int, running: int, age: int, given: dict[str, Any], trend: Trend
) -> None:
    fields: dict[str, Any] = {"paused": False, "served": True, "rate": 0.0, "growth": None} | given
    assert outlook(waiting, running, age * SECOND, **fields).trend == trend


def test_the_time_to_drain_is_that_of_the_net_rate() -> None:
    found = outlook(600, 1, 0, paused=False, served=True, rate=20.0, growth=-2.0)
    assert found.empty_in == timedelta(minutes=5)
    found = outlook(600, 1, 0, paused=False, served=True, rate=20.0, growth=None)
    assert found.empty_in == timedelta(seconds=30)
    found = outlook(600, 1, 0, paused=False, served=True, rate=20.0, growth=2.0)
    assert found.empty_in is None
