"""What a task may raise or return."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dutiful.core.errors import BadOption
from dutiful.core.instant import MINUTE, SECOND, instant
from dutiful.core.outcome import Cancel, Discard, Snooze, Snoozed, is_signal

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def test_a_snooze_reads_its_delay_at_once() -> None:
    assert Snooze("1m").outcome == Snoozed(MINUTE)
    assert str(Snooze("1m")) == "snooze 1m"
    with pytest.raises(BadOption):
        Snooze("soon")


def test_a_snooze_reads_its_moment_at_once() -> None:
    assert Snooze(until=NOON).outcome == Snoozed(0, instant(NOON))
    with pytest.raises(BadOption, match="no time zone"):
        Snooze(until=NOON.replace(tzinfo=None))


@pytest.mark.parametrize("delay", [0, -0.0, "0s", 1e-9, "99ms", timedelta(0)])
def test_a_snooze_lasts_a_tenth_of_a_second_at_least(delay: Any) -> None:
    assert Snooze(delay).outcome == Snoozed(SECOND // 10)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "Snooze needs a time"),
        ({"delay": 5, "until": NOON}, "not both"),
        ({"delay": timedelta.max}, "longer than a century"),
        ({"delay": 1e13}, "longer than a century"),
        ({"delay": -1}, "negative"),
        ({"delay": True}, "not a length of time"),
        ({"until": datetime.max.replace(tzinfo=UTC)}, "give a time in the years 1000 to 8999"),
        ({"until": datetime.min.replace(tzinfo=UTC)}, "give a time in the years 1000 to 8999"),
        ({"until": 5}, "5 is not a datetime"),
        ({"until": "tomorrow"}, "'tomorrow' is not a datetime"),
    ],
)
def test_a_snooze_without_a_time_of_sense_is_refused(given: Any, message: str) -> None:
    with pytest.raises(BadOption, match=message):
        Snooze(**given)


def test_a_discard_and_a_cancel_keep_their_reasons() -> None:
    assert (Discard().reason, Discard("why").reason) == ("discarded by the task", "why")
    assert (Cancel().reason, Cancel("why").reason) == ("cancelled by the task", "why")
    assert str(Discard("why")) == "why"


def test_signals_are_told_from_results() -> None:
    assert is_signal(Snooze(1))
    assert is_signal(Discard())
    assert is_signal(Cancel())
    assert not is_signal(ValueError())
    assert not is_signal(None)
