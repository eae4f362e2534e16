"""When a session ends and how long it waits, on a loop whose time a test sets."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator

import pytest

from dutiful import App, EngineUnavailable
from dutiful.core.event import EngineRecovered, EngineTroubled, Event, ServiceFailed
from dutiful.core.instant import SECOND
from dutiful.core.settle import Rules
from dutiful.services.process import Process
from dutiful.services.trouble import OutageReport
from dutiful.testing.clock import FakeClock
from dutiful.worker.options import WorkerOptions
from dutiful.worker.registration import Registration
from dutiful.worker.store_retry import StoreRetry


class Made:
    """A session that does not run, what it emitted, and the loop's time."""

    def __init__(self, app: App, patch: pytest.MonkeyPatch, *, burst: bool = False) -> None:
        loop, rng, clock = asyncio.get_running_loop(), random.Random(1), FakeClock()
        clock.advance("1s")
        self.now = loop.time()
        patch.setattr(loop, "time", lambda: self.now)
        self.events: list[Event] = []
        app.bus.subscribe(self.events.append)
        self.registration = Registration(
            app,
            app.store,
            Process(),
            WorkerOptions(grace=4 * SECOND, burst=burst),
            clock=clock,
            rng=rng,
            rules=lambda task: Rules(),
            store_retry=StoreRetry(OutageReport(app.bus.emit, clock.ticks), rng),
        )

    def overdue(self, *, after: float) -> bool:
        """Let time pass; say whether a store in trouble is not waited for any more."""
        self.now += after
        return self.registration._overdue()


@pytest.fixture
async def app() -> AsyncIterator[App]:
    async with App("memory://") as made:
        yield made


async def test_a_store_in_trouble_is_waited_for_until_a_stop_and_its_grace_are_over(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = Made(app, monkeypatch)
    assert not made.overdue(after=1000)
    made.registration.stop()
    assert not made.overdue(after=4.25)
    assert made.overdue(after=0.5)


async def test_a_second_stop_may_shorten_the_grace_and_does_not_begin_it_anew(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = Made(app, monkeypatch)
    made.registration.stop()
    assert not made.overdue(after=2)
    made.registration.stop()
    assert not made.overdue(after=2.25)
    made.registration.stop(0)
    assert made.overdue(after=0)


async def test_a_stop_may_bring_a_grace_of_its_own(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = Made(app, monkeypatch)
    made.registration.stop(1)
    assert not made.overdue(after=1.25)
    assert made.overdue(after=0.5)


async def test_a_session_ends_for_the_gravest_reason(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = Made(app, monkeypatch)

    def ending(done: bool) -> str | None:
        return made.registration._ending(lambda count: done and count == 0)

    assert ending(False) is None
    assert ending(True) == "recycled"
    made.registration.stop()
    assert ending(True) == "stopped"
    assert not made.overdue(after=0)
    made.registration.heartbeat.lost = True
    assert ending(True) == "lost"
    assert made.overdue(after=0)


@pytest.mark.parametrize("burst", [False, True])
async def test_only_a_burst_ends_once_nothing_is_left(
    app: App, monkeypatch: pytest.MonkeyPatch, burst: bool
) -> None:
    registration = Made(app, monkeypatch, burst=burst).registration
    assert registration._ending(lambda count: False) is None
    registration._fetch_loop._dry_at = 0
    assert registration._ending(lambda count: False) == ("burst" if burst else None)


async def test_what_a_heart_hears_of_the_store_is_told_in_words(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = Made(app, monkeypatch)
    made.registration._heard_of_store(TimeoutError(), 1)
    made.registration._heard_of_store(EngineUnavailable("away"), 2)
    made.registration._heard_of_store(None, 3)
    made.registration._heard_of_store(EngineUnavailable("away"), 2 * SECOND)
    first, recovered, second = made.events
    assert isinstance(first, EngineTroubled)
    assert "it did not renew the lease in time" in first.error
    assert isinstance(recovered, EngineRecovered)
    assert isinstance(second, EngineTroubled)
    assert "away" in second.error


async def test_a_fault_of_a_heart_is_told(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    made = Made(app, monkeypatch)
    made.registration._heartbeat_failed(LookupError("no"))
    assert made.events == [ServiceFailed("heartbeat", "LookupError: no")]
