"""A receiver for each test that asks for one."""

from tests.observe.receiver import receiver

__all__ = ["receiver"]
