"""Sleeping until there may be work."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

import pytest

from dutiful.contract.capability import Capability
from dutiful.core.instant import HOUR
from dutiful.core.outcome import Released
from dutiful.testing.conformance.moves import add, end, new, one, take
from dutiful.testing.conformance.requires import needs_delay, requires
from dutiful.testing.conformance.roles import Roles
from dutiful.testing.conformance.setting import Contract

LONG = 30.0
SOON = 5.0
"""Real seconds: a sleep of LONG that ends before SOON was woken."""


class WakeContract(Contract):
    """Holds `Consumer.wait`; these are the tests that take real time."""

    async def test_a_wait_without_work_ends_in_time(self, engine: Roles) -> None:
        began = time.monotonic()
        await engine.consumer.wait(["default"], 0.05)
        assert time.monotonic() - began < SOON

    async def test_a_wait_of_zero_seconds_returns(self, engine: Roles) -> None:
        async with asyncio.timeout(SOON):
            await engine.consumer.wait(["default"], 0)

    @requires(Capability.NOTIFY)
    async def test_an_enqueue_wakes(self, engine: Roles) -> None:
        await notified(engine, lambda: add(engine))

    @requires(Capability.NOTIFY)
    async def test_an_enqueue_by_another_instance_wakes(self, engines: tuple[Roles, Roles]) -> None:
        await notified(engines[0], lambda: add(engines[1]))

    @requires(Capability.NOTIFY)
    async def test_work_that_is_there_already_ends_the_wait_at_once(
        self, engines: tuple[Roles, Roles]
    ) -> None:
        assert await take(engines[0]) == ()
        await add(engines[1])
        async with asyncio.timeout(SOON):
            await engines[0].consumer.wait(["default"], LONG)

    @requires(Capability.NOTIFY, Capability.SYNC_ENQUEUE)
    async def test_an_enqueue_from_a_thread_wakes(self, engine: Roles) -> None:
        await notified(
            engine, lambda: asyncio.to_thread(engine.sync_producer.enqueue_sync, [new()])
        )

    @requires(Capability.NOTIFY)
    async def test_a_released_job_wakes(self, engine: Roles) -> None:
        await add(engine)
        claim = await one(engine)
        await notified(engine, lambda: end(engine, claim, Released()))

    @requires(Capability.NOTIFY, Capability.PAUSE)
    async def test_resuming_a_queue_wakes(self, engine: Roles) -> None:
        await add(engine)
        await engine.controller.pause("default")
        await notified(engine, lambda: engine.controller.resume("default"))

    @requires(Capability.NOTIFY, Capability.CANCEL, Capability.DELAY)
    @needs_delay("1h")
    async def test_a_job_that_runs_now_wakes(self, engine: Roles) -> None:
        job_id = await add(engine, delay=HOUR)
        await notified(engine, lambda: engine.controller.run_now([job_id]))

    @requires(Capability.NOTIFY)
    async def test_one_enqueue_wakes_every_listener(self, engines: tuple[Roles, Roles]) -> None:
        first = asyncio.create_task(engines[0].consumer.wait(["default"], LONG))
        await notified(engines[1], lambda: add(engines[0]))
        async with asyncio.timeout(SOON):
            await first

    async def test_cancelling_a_wait_loses_no_job(self, engine: Roles) -> None:
        listener = asyncio.create_task(engine.consumer.wait(["default"], LONG))
        await asyncio.sleep(0.02)
        await add(engine)
        listener.cancel()
        with pytest.raises(asyncio.CancelledError):
            await _cancelled(listener)
        assert len(await take(engine)) == 1


async def notified(engine: Roles, act: Callable[[], Awaitable[object]]) -> None:
    """Demand that the act ends a sleep of ``engine``."""
    listener = asyncio.create_task(engine.consumer.wait(["default"], LONG))
    await asyncio.sleep(0.05)
    assert not listener.done()
    await act()
    async with asyncio.timeout(SOON):
        await listener


async def _cancelled(listener: asyncio.Task[None]) -> None:
    await listener
    raise asyncio.CancelledError  # it had been woken before the cancellation arrived
