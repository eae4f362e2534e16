"""The host's clocks, and the one that a test moves."""

from datetime import UTC, datetime, timedelta

import pytest

from dutiful.contract.clock import Clock, SystemClock
from dutiful.core.errors import BadOption
from dutiful.core.instant import HOUR, SECOND, instant
from dutiful.testing import FakeClock


def test_the_system_clock_reads_the_wall_and_the_boot_time() -> None:
    clock: Clock = SystemClock()
    before = clock.ticks()
    assert abs(clock.now() - instant(datetime.now(UTC))) < 60 * SECOND
    assert clock.ticks() >= before > 0


def test_a_fake_clock_stands_still() -> None:
    clock: Clock = FakeClock()
    assert clock.now() == clock.now() == instant(datetime(2026, 1, 1, tzinfo=UTC))
    assert clock.ticks() == 0


def test_a_fake_clock_starts_where_it_is_told() -> None:
    start = datetime(1999, 12, 31, tzinfo=UTC)
    assert FakeClock(start=start).now() == instant(start)


@pytest.mark.parametrize("by", ["1h", 3600, 3600.0, timedelta(hours=1)])
def test_advancing_moves_both_readings(by: str | float | timedelta) -> None:
    clock = FakeClock()
    before = clock.now()
    clock.advance(by)
    assert (clock.now() - before, clock.ticks()) == (HOUR, HOUR)


def test_time_does_not_pass_backwards() -> None:
    with pytest.raises(BadOption):
        FakeClock().advance("-1h")


@pytest.mark.parametrize(
    ("by", "moved"),
    [
        ("1h", HOUR),
        ("-1h", -HOUR),
        (" -1h", -HOUR),
        (-3600, -HOUR),
        (3600, HOUR),
        (timedelta(hours=-1), -HOUR),
        (timedelta(hours=1), HOUR),
    ],
)
def test_a_step_moves_the_wall_clock_alone(by: str | float | timedelta, moved: int) -> None:
    clock = FakeClock()
    before = clock.now()
    clock.step(by)
    assert (clock.now() - before, clock.ticks()) == (moved, 0)
