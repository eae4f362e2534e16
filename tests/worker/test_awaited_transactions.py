"""A coroutine's transaction on an engine whose connections are awaited keeps every promise."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

from dutiful import App, ClaimLost, Context, EngineUnavailable, ReplyUnknown, Retry, Snooze
from dutiful.contract.capability import Capability
from dutiful.core.event import ClaimsRefused
from dutiful.core.outcome import Crashed
from dutiful.core.settle import Rules, settle
from dutiful.worker import patient_begin
from tests.until import until
from tests.worker.awaiting import AwaitedEngine
from tests.worker.support import Events, burst, ended, errors, serving

ONCE = Retry(max_attempts=1)
AGAIN = Retry(max_attempts=3, delay=0, jitter="none")


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


def writer(app: App, then: Any = None, **options: Any) -> Any:
    """Register a task that writes a line, then does something."""

    @app.task(name="write", **{"retry": ONCE, **options})
    async def write(line: str, ctx: Context) -> str:
        async with ctx.transaction() as connection:
            await connection.write(line)
        if then is not None:
            await then(ctx, connection)
        return line

    return write


async def nothing_yet(engine: AwaitedEngine) -> None:
    assert engine.lines == []


async def stubborn(released: asyncio.Event) -> None:
    """Go on whatever happens."""
    while not released.is_set():
        with contextlib.suppress(asyncio.CancelledError):
            await released.wait()


async def test_writes_are_kept_with_the_completion(app: App, engine: AwaitedEngine) -> None:
    handle = await writer(app, lambda *_: nothing_yet(engine)).aenqueue("a")
    await burst(app)
    assert engine.lines == ["a"]
    assert engine.calls == ["begin", "commit", "reply"]
    assert await handle.aresult(timeout=1) == "a"


@pytest.mark.parametrize("ending", [ValueError("no"), Snooze("1h")], ids=["error", "snooze"])
async def test_writes_are_undone(app: App, engine: AwaitedEngine, ending: Exception) -> None:
    async def fail(*_: object) -> None:
        raise ending

    handle = await writer(app, fail).aenqueue("a")
    await burst(app)
    assert engine.lines == []
    assert await handle.astatus() == ("dead" if isinstance(ending, ValueError) else "waiting")


async def test_blocks_entered_at_once_share_the_transaction(
    app: App, engine: AwaitedEngine
) -> None:
    @app.task(retry=ONCE)
    async def both(ctx: Context) -> None:
        async def part(line: str) -> Any:
            async with ctx.transaction() as connection:
                await connection.write(line)
                return connection

        one, other = await asyncio.gather(part("a"), part("b"))
        assert one is other

    await both.aenqueue()
    await burst(app)
    assert engine.lines == ["a", "b"]
    assert engine.calls.count("begin") == 1


async def test_a_thread_of_the_task_is_told_to_await(app: App, engine: AwaitedEngine) -> None:
    def aside(ctx: Context) -> None:
        with ctx.transaction():
            raise AssertionError("there are two transactions")

    handle = await writer(app, lambda ctx, _: asyncio.to_thread(aside, ctx)).aenqueue("a")
    await burst(app)
    (error,) = await errors(app, handle.id)
    assert "async with ctx.transaction()" in error.message
    assert engine.lines == []


async def test_a_thread_of_the_task_may_be_the_only_one(app: App, engine: AwaitedEngine) -> None:
    @app.task(retry=ONCE)
    async def waits(ctx: Context) -> None:
        def aside() -> None:
            with ctx.transaction() as connection:
                connection["a"] = True

        await asyncio.to_thread(aside)
        async with ctx.transaction() as connection:
            connection["b"] = True

    handle = await waits.aenqueue()
    await burst(app)
    assert await handle.astatus() == "succeeded"
    assert (engine.lines, engine.calls) == (["a", "b"], [])


async def test_a_step_inside_is_refused(app: App, engine: AwaitedEngine) -> None:
    async def step(ctx: Context, _: object) -> None:
        await ctx.step("late", asyncio.sleep, 0)

    handle = await writer(app, step).aenqueue("a")
    await burst(app)
    (error,) = await errors(app, handle.id)
    assert "before ctx.transaction()" in error.message
    assert engine.lines == []


async def test_a_stale_claims_writes_are_undone(app: App, engine: AwaitedEngine) -> None:
    events = Events(app)

    async def rescue(ctx: Context, _: object) -> None:
        (claim,) = await app.store.fleet.claimed(str(ctx.job.worker))
        taken = settle(claim, Crashed("test"), 0, RNG(), Rules())
        await app.store.exchange("another", [taken], None)

    handle = await writer(app, rescue).aenqueue("a")
    async with serving(app):
        await until(lambda: events.of(ClaimsRefused))
    assert engine.lines == []
    assert await handle.astatus() == "dead"


@pytest.mark.parametrize("happened", [False, True])
async def test_a_lost_reply_of_the_commit_doubles_nothing(
    app: App, engine: AwaitedEngine, happened: bool
) -> None:
    runs: list[int] = []

    async def count(ctx: Context, _: object) -> None:
        runs.append(ctx.attempt)

    engine.faults["reply" if happened else "commit"] = [ReplyUnknown("cut")]
    handle = await writer(app, count, retry=AGAIN).aenqueue("a")
    await burst(app)
    assert await handle.astatus() == "succeeded"
    assert engine.lines == ["a"]
    assert runs == ([1] if happened else [1, 2])


async def test_a_commit_that_fails_fails_the_attempt(app: App, engine: AwaitedEngine) -> None:
    engine.faults["commit"] = [EngineUnavailable("away")]
    handle = await writer(app).aenqueue("a")
    await burst(app)
    (error,) = await errors(app, handle.id)
    assert error.type.endswith("EngineUnavailable")
    assert engine.lines == []


async def test_a_rollback_that_fails_hides_no_error(app: App, engine: AwaitedEngine) -> None:
    async def fail(*_: object) -> None:
        raise ValueError("the task's own")

    engine.faults["rollback"] = [EngineUnavailable("away")]
    handle = await writer(app, fail).aenqueue("a")
    await burst(app)
    (error,) = await errors(app, handle.id)
    assert error.message == "the task's own"


async def test_a_begin_that_failed_leaves_the_task_its_choice(
    app: App, engine: AwaitedEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patient_begin, "MOST_SECONDS", 0)

    @app.task(retry=ONCE)
    async def copes(ctx: Context) -> str:
        try:
            async with ctx.transaction():
                return "written"
        except EngineUnavailable:
            return "skipped"

    engine.faults["begin"] = [EngineUnavailable("away")]
    handle = await copes.aenqueue()
    await burst(app)
    assert await handle.aresult(timeout=1) == "skipped"


@pytest.mark.parametrize("why", ["timeout", "cancel"])
async def test_an_interrupted_body_rolls_back(app: App, engine: AwaitedEngine, why: str) -> None:
    async def hang(*_: object) -> None:
        await asyncio.get_running_loop().create_future()

    options = {"timeout": "0.2s"} if why == "timeout" else {}
    handle = await writer(app, hang, **options).aenqueue("a")
    async with serving(app):
        await until(lambda: engine.holding)
        if why == "cancel":
            await app.store.controller(Capability.CANCEL).cancel([handle.id])
        job = await ended(app, handle.id)
        assert engine.holding == 0
    assert job.state.word == ("dead" if why == "timeout" else "cancelled")
    assert engine.lines == []


async def test_a_begin_that_waits_is_given_up_with_its_attempt(
    app: App, engine: AwaitedEngine
) -> None:
    engine.gates["begin"] = asyncio.Event()
    handle = await writer(app, timeout="0.2s").aenqueue("a")
    await burst(app)
    assert await handle.astatus() == "dead"
    assert (engine.calls, engine.holding) == (["begin"], 0)


async def test_a_begin_that_outlives_its_attempt_is_undone(app: App, engine: AwaitedEngine) -> None:
    entering: list[asyncio.Task[Any]] = []

    @app.task(retry=ONCE)
    async def leaves(ctx: Context) -> None:
        entering.append(asyncio.create_task(ctx.transaction().__aenter__()))
        await until(lambda: engine.calls)

    engine.gates["begin"] = asyncio.Event()
    handle = await leaves.aenqueue()
    await burst(app)
    assert await handle.astatus() == "succeeded"
    engine.gates["begin"].set()
    with pytest.raises(ClaimLost):
        await entering[0]
    assert engine.calls == ["begin", "rollback"]


@pytest.mark.parametrize("limit", [True, False], ids=["hard-timeout", "shutdown"])
async def test_a_body_that_goes_on_holds_nothing(
    app: App, engine: AwaitedEngine, limit: bool
) -> None:
    released = asyncio.Event()
    options = {"timeout": "0.1s", "hard_timeout": "0.3s"} if limit else {}
    handle = await writer(app, lambda *_: stubborn(released), **options).aenqueue("a")
    async with serving(app, grace=0):
        await until(lambda: engine.holding)
        if limit:
            await until(lambda: not engine.holding)
    assert engine.holding == 0
    released.set()
    await asyncio.sleep(0)
    assert await handle.astatus() == ("dead" if limit else "queued")
    assert engine.lines == []


@pytest.mark.parametrize("happened", [False, True])
@pytest.mark.parametrize("options", [{"timeout": "0.2s"}, {"hard_timeout": "0.2s"}], ids=str)
async def test_a_commit_past_the_limit_is_judged_by_the_store(
    app: App, engine: AwaitedEngine, happened: bool, options: dict[str, str]
) -> None:
    """The attempt ends without knowing; the writes and the completion are still one."""
    engine.gates["reply" if happened else "commit"] = gate = asyncio.Event()
    handle = await writer(app, **options).aenqueue("a")
    async with serving(app):
        await until(lambda: engine.calls[-1:] == ["reply" if happened else "commit"])
        await asyncio.sleep(0.5)  # past the limit
        gate.set()
        await until(lambda: not engine.holding)
    assert await handle.astatus() == ("succeeded" if happened else "dead")
    assert engine.lines == (["a"] if happened else [])


async def test_a_sync_task_has_its_transaction_in_its_thread(
    app: App, engine: AwaitedEngine
) -> None:
    @app.task(retry=ONCE)
    def sync(ctx: Context) -> None:
        with ctx.transaction() as connection:
            connection["a"] = True

    handle = await sync.aenqueue()
    await burst(app)
    assert await handle.astatus() == "succeeded"
    assert (engine.lines, engine.calls) == (["a"], [])


class RNG:
    def random(self) -> float:
        return 0.5
