"""Limits of time that hold on a busy machine, too."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.chaos.pace import Pace


@pytest.fixture
def pace() -> Iterator[Pace]:
    """How much longer things take than on a machine at rest, from the test's begin to its end."""
    with Pace() as pace:
        yield pace
