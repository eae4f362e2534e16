"""What tests need: jobs in memory, a clock to move by hand, and the suite that holds engines."""

from dutiful.testing.clock import FakeClock
from dutiful.testing.harness import Harness, harness

__all__ = ["FakeClock", "Harness", "harness"]
