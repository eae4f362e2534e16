"""What tests need: a clock to move by hand, and the suite that holds an engine to its contract."""

from dutiful.testing.clock import FakeClock

__all__ = ["FakeClock"]
