"""The store's clock is calculated from what the store last said."""

from dutiful.testing.clock import FakeClock
from dutiful.worker.store_clock import StoreClock


def test_until_the_store_is_heard_its_clock_is_the_hosts() -> None:
    clock = FakeClock()
    store_clock = StoreClock(clock)
    store_clock.heard(None)
    assert not store_clock.known
    assert store_clock.now() == clock.now()


def test_the_store_s_clock_goes_on_with_the_hosts_ticks() -> None:
    clock = FakeClock()
    clock.advance("5s")
    store_clock = StoreClock(clock)
    store_clock.heard(1_000)
    clock.step("1h")
    clock.advance("2s")
    assert store_clock.known
    assert store_clock.now() == 1_000 + 2_000_000
