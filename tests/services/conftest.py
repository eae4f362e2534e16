"""The world that the tests of a scheduler share."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from dutiful.testing import FakeClock
from tests.services.turns import World
from tests.years.loop import FakeTimeLoop


@pytest.fixture
def world() -> Iterator[World]:
    clock = FakeClock()
    with asyncio.Runner(loop_factory=lambda: FakeTimeLoop(clock)) as runner:
        yield World(runner, clock)
