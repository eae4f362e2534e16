"""The store's clock is reckoned from what the store last said."""

from dutiful.testing.clock import FakeClock
from dutiful.worker.reckoning import Reckoning


def test_until_the_store_is_heard_its_clock_is_the_hosts() -> None:
    clock = FakeClock()
    reckoning = Reckoning(clock)
    reckoning.heard(None)
    assert not reckoning.known
    assert reckoning.now() == clock.now()


def test_the_store_s_clock_goes_on_with_the_hosts_ticks() -> None:
    clock = FakeClock()
    clock.advance("5s")
    reckoning = Reckoning(clock)
    reckoning.heard(1_000)
    clock.step("1h")
    clock.advance("2s")
    assert reckoning.known
    assert reckoning.now() == 1_000 + 2_000_000
