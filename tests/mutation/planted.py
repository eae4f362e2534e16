"""Faults planted by hand where no operator makes them, each with the tests that must catch it."""

from __future__ import annotations

from typing import NamedTuple


class Planted(NamedTuple):
    """One text of a file, put in place of another."""

    path: str
    before: str
    after: str
    tests: tuple[str, ...]

    @property
    def name(self) -> str:
        """Name the fault."""
        return f"{self.path}: {self.before.strip().splitlines()[0]} -> {self.after.strip()!r}"


PLANTED: tuple[Planted, ...] = (
    Planted(
        "src/dutiful/engines/postgres/settling.py",
        "items = sorted(items, key=_BY_ID)",
        "items = list(items)",
        ("tests/engines/postgres/test_lock_order.py",),
    ),
    Planted(
        "src/dutiful/worker/registration.py",
        "self._heart.start()\n",
        "",
        (
            "tests/worker/test_stall.py",
            "tests/worker/test_lease_over.py",
            "tests/worker/test_trouble.py",
        ),
    ),
)
