"""What a task may raise or return."""

from datetime import UTC, datetime

import pytest

from dutiful.core.errors import BadOption
from dutiful.core.instant import MINUTE, instant
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


def test_a_snooze_of_nothing_is_due_at_once() -> None:
    assert Snooze().outcome == Snoozed(0)


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
