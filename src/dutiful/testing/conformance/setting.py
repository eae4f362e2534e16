"""What all contracts share: a fresh store, a clock to move, and the account at the end."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import pytest
import pytest_asyncio

from dutiful.contract.capability import Capability
from dutiful.contract.engine import Engine
from dutiful.contract.roles.inspector import Inspector
from dutiful.testing.clock import FakeClock
from dutiful.testing.conformance.moves import hand, join
from dutiful.testing.conformance.requires import needs
from dutiful.testing.conformance.roles import Roles
from dutiful.testing.conformance.suite_clock import SuiteClock

Connect = Callable[[SuiteClock], Engine]
"""Makes one more instance on the store of the test that runs."""


@pytest.mark.asyncio
class Contract:
    """The fixtures of every contract; worker ``w1`` is registered where the engine has a fleet."""

    @pytest.fixture
    def clock(self, request: pytest.FixtureRequest) -> SuiteClock:
        """Return what the author's fixture ``clock`` gives; else stop time for store and test."""
        try:
            clock: SuiteClock = request.getfixturevalue("clock")
        except pytest.FixtureLookupError:
            return FakeClock()
        return clock

    @pytest.fixture(autouse=True)
    def declared(self, request: pytest.FixtureRequest, connect: Connect, clock: SuiteClock) -> None:
        """Skip what the engine declares that it cannot do."""
        reason = needs(type(self), request.function).unmet(connect(clock), clock)
        if reason is not None:
            pytest.skip(reason)

    @pytest_asyncio.fixture
    async def engine(
        self, declared: None, connect: Connect, clock: SuiteClock
    ) -> AsyncIterator[Roles]:
        """Open an engine on an empty store, and audit the store when the test is over."""
        engine = Roles(connect(clock))
        await engine.open()
        await join(engine, hand("w1"))
        yield engine
        if Capability.INSPECT in engine.capabilities:
            await audit(engine.inspector)
        await engine.close()

    @pytest_asyncio.fixture
    async def engines(
        self, engine: Roles, connect: Connect, clock: SuiteClock
    ) -> AsyncIterator[tuple[Roles, Roles]]:
        """Open a second instance on the same store, for races between two processes' worth."""
        second = Roles(connect(clock))
        await second.open()
        await join(second, hand("w2"))
        yield engine, second
        await second.close()


async def audit(engine: Inspector) -> None:
    """Demand that no job vanished: enqueued = live + final + pruned + purged."""
    present = sum(sum(row.counts.values()) for row in await engine.queues())
    tally = await engine.tally()
    assert set(tally) == {"enqueued", "pruned", "purged"}
    assert tally["enqueued"] == present + tally["pruned"] + tally["purged"], tally
