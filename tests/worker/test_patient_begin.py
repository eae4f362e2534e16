"""A transaction that cannot begin while the store is away costs time, and no attempt."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from dutiful import App, Cancel, Context, EngineUnavailable, Retry
from dutiful.contract.roles.transactional import JobTransaction
from dutiful.worker import patient_begin
from dutiful.worker.isolation.frames import Start, about
from dutiful.worker.isolation.remote import Remote
from dutiful.worker.transaction_guard import TransactionGuard
from tests.unit.worker.parts import claim
from tests.until import until
from tests.worker.awaiting import AwaitedEngine
from tests.worker.support import burst, errors, serving

ONCE = Retry(max_attempts=1)


class Away(JobTransaction):
    """Cannot begin so many times; then it is what it wraps."""

    def __init__(self, inner: JobTransaction, times: list[int]) -> None:
        self.inner = inner
        self.times = times

    def begin(self) -> Any:
        if self.times[0]:
            self.times[0] -= 1
            raise EngineUnavailable("away")
        return self.inner.begin()

    def commit(self, settlement: Any) -> bool:
        return self.inner.commit(settlement)

    def rollback(self) -> None:
        self.inner.rollback()


@pytest.fixture
def engine() -> AwaitedEngine:
    return AwaitedEngine()


@pytest.fixture
async def app(engine: AwaitedEngine) -> AsyncIterator[App]:
    app = App("memory://")
    with app.on(engine):
        async with app:
            yield app
    assert engine.holding == 0


def tasks(app: App) -> dict[str, Any]:
    @app.task(name="async", retry=ONCE)
    async def on_loop(ctx: Context) -> str:
        async with ctx.transaction():
            return "written"

    @app.task(name="sync", retry=ONCE)
    def sync(ctx: Context) -> str:
        with ctx.transaction():
            return "written"

    return {"async": on_loop, "sync": sync}


def fail(engine: AwaitedEngine, monkeypatch: pytest.MonkeyPatch, times: int) -> Callable[[], bool]:
    """Let begins of both kinds fail ``times`` times; the answer says whether one has failed."""
    left = [times]
    engine.faults["begin"] = [EngineUnavailable("away")] * times
    whole = engine.transactional.transaction
    monkeypatch.setattr(engine, "transaction", lambda claim: Away(whole(claim), left))
    return lambda: bool(engine.calls) or left[0] < times


@pytest.mark.parametrize("kind", ["async", "sync"])
async def test_it_waits_for_the_store(
    app: App, engine: AwaitedEngine, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    handle = await tasks(app)[kind].aenqueue()
    fail(engine, monkeypatch, 3)
    await burst(app)
    assert await handle.aresult(timeout=1) == "written"
    assert (await handle.ajob()).attempt == 1
    assert await errors(app, handle.id) == ()


@pytest.mark.parametrize("kind", ["async", "sync"])
async def test_the_error_is_the_tasks_after_a_minute(
    app: App, engine: AwaitedEngine, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr(patient_begin, "MOST_SECONDS", 0)
    handle = await tasks(app)[kind].aenqueue()
    fail(engine, monkeypatch, 1)
    await burst(app)
    (error,) = await errors(app, handle.id)
    assert (error.type, error.message) == ("dutiful.core.errors.EngineUnavailable", "away")


@pytest.mark.parametrize("kind", ["async", "sync"])
async def test_a_stop_during_the_wait_spends_no_attempt(
    app: App, engine: AwaitedEngine, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    handle = await tasks(app)[kind].aenqueue()
    failed = fail(engine, monkeypatch, 10_000)
    async with serving(app):
        await until(failed)
    assert await handle.astatus() == "queued"
    assert (await handle.ajob()).attempt == 0


def test_a_child_waits_and_ends_with_its_attempt() -> None:
    @App("memory://").task(name="task", cpu=True)
    def body() -> None: ...

    left = [3]

    class Inner(JobTransaction):
        def begin(self) -> str:
            if left[0]:
                left[0] -= 1
                raise EngineUnavailable("away")
            return "connection"

        def commit(self, settlement: Any) -> bool:
            return True

        def rollback(self) -> None: ...

    one = claim("1")
    ours, theirs = socket.socketpair()
    with ours, theirs:
        remote = Remote(Start(about(one), "module", "body", None, one, b"null", 1000), body, ours)
        remote.transaction = TransactionGuard(Inner())
        assert remote.begin() == "connection"
        left[0], remote.transaction, remote.cancelled = 1, TransactionGuard(Inner()), True
        with pytest.raises(Cancel, match="asked to end"):
            remote.begin()


async def test_a_cancelled_wait_ends_at_once() -> None:
    async def begin() -> None:
        raise EngineUnavailable("away")

    waiting = asyncio.create_task(patient_begin.abegin_patiently(begin, lambda: False))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
