"""A task's writes and its completion are one, in every place where a task may run."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from dutiful import App, Context, ReplyUnknown, Retry, Snooze, UsageError
from dutiful.contract.roles.transactional import JobTransaction
from dutiful.core.event import ClaimsRefused
from dutiful.core.outcome import Crashed
from dutiful.core.settle import Rules, settle
from tests.until import until
from tests.worker import jobs as cpu
from tests.worker.support import Events, burst, errors, marks, process, serving, stored

ONCE = Retry(max_attempts=1)
LIMIT = {"timeout": "0.2s", "hard_timeout": "0.5s", "retry": ONCE}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    with closing(sqlite3.connect(tmp_path / "jobs.db")) as connection:
        connection.execute("create table ledger (name text)")
    return tmp_path


def ledger(path: Path) -> list[str]:
    with closing(sqlite3.connect(path / "jobs.db")) as connection:
        return [name for (name,) in connection.execute("select name from ledger order by name")]


def writers(app: App, then: Any = None) -> dict[str, Any]:
    """Register a task of each kind in this process that writes a line and then does something."""

    @app.task(name="sync", retry=ONCE)
    def sync(name: str, ctx: Context) -> None:
        with ctx.transaction() as connection:
            connection.execute("insert into ledger values (?)", (name,))
        if then is not None:
            then(connection)

    @app.task(name="async", retry=ONCE)
    async def on_loop(name: str, ctx: Context) -> None:
        async with ctx.transaction() as connection:
            connection.execute("insert into ledger values (?)", (name,))
        if then is not None:
            then(connection)

    return {"sync": sync, "async": on_loop}


@pytest.mark.parametrize("kind", ["sync", "async"])
async def test_writes_are_kept_with_the_completion(path: Path, sqlite: App, kind: str) -> None:
    handle = await writers(sqlite, lambda _: seen.append(ledger(path)))[kind].aenqueue("a")
    seen: list[list[str]] = []
    await burst(sqlite)
    assert seen == [[]]
    assert ledger(path) == ["a"]
    assert await handle.astatus() == "succeeded"


async def test_a_child_process_writes_with_its_completion(path: Path, jobs: App) -> None:
    good = await cpu.write.using(max_attempts=1).aenqueue("good", False)
    bad = await cpu.write.using(max_attempts=1).aenqueue("bad", True)
    await burst(jobs)
    assert ledger(path) == ["good"]
    assert await good.aresult(timeout=1) == "good"
    assert await bad.astatus() == "dead"


@pytest.mark.parametrize("kind", ["sync", "async"])
@pytest.mark.parametrize("ending", [ValueError("no"), Snooze("1h")], ids=["error", "snooze"])
async def test_writes_are_undone(path: Path, sqlite: App, kind: str, ending: Exception) -> None:
    def fail(_: object) -> None:
        raise ending

    handle = await writers(sqlite, fail)[kind].aenqueue("a")
    await burst(sqlite)
    assert ledger(path) == []
    assert await handle.astatus() == ("dead" if isinstance(ending, ValueError) else "waiting")


@pytest.mark.parametrize("kind", ["sync", "async"])
@pytest.mark.parametrize("verb", ["commit", "rollback", "close"])
async def test_the_transaction_is_not_the_tasks_to_end(
    path: Path, sqlite: App, kind: str, verb: str
) -> None:
    handle = await writers(sqlite, lambda held: getattr(held, verb)())[kind].aenqueue("a")
    await burst(sqlite)
    (error,) = await errors(sqlite, handle.id)
    assert error.type == "dutiful.core.errors.UsageError"
    assert "committed when the task returns" in error.message
    assert ledger(path) == []


async def test_many_wait_for_the_lock_and_all_get_it(path: Path, sqlite: App) -> None:
    @sqlite.task(retry=ONCE)
    async def slow(name: str, ctx: Context) -> None:
        async with ctx.transaction() as connection:
            connection.execute("insert into ledger values (?)", (name,))
            await asyncio.to_thread(str)  # whoever holds the lock may need a thread to let go

    handles = [await slow.aenqueue(f"{number:02}") for number in range(24)]
    await burst(sqlite, concurrency=24)
    assert ledger(path) == [f"{number:02}" for number in range(24)]
    assert {await handle.astatus() for handle in handles} == {"succeeded"}
    assert {(await handle.ajob()).attempt for handle in handles} == {1}


async def test_blocks_entered_at_once_share_the_transaction(path: Path, sqlite: App) -> None:
    @sqlite.task(retry=ONCE)
    async def both(ctx: Context) -> None:
        async def part(name: str) -> Any:
            async with ctx.transaction() as connection:
                connection.execute("insert into ledger values (?)", (name,))
                return connection

        one, other = await asyncio.gather(part("a"), part("b"))
        assert one is other

    handle = await both.aenqueue()
    await burst(sqlite)
    assert await handle.astatus() == "succeeded"
    assert ledger(path) == ["a", "b"]


async def test_enqueueing_apart_from_the_open_transaction_is_explained(
    path: Path, sqlite: App
) -> None:
    @sqlite.task
    async def other() -> None: ...

    @sqlite.task(retry=ONCE)
    async def wrong(ctx: Context) -> None:
        async with ctx.transaction():
            await other.aenqueue()

    @sqlite.task(retry=ONCE)
    async def right(ctx: Context) -> None:
        async with ctx.transaction() as connection:
            await other.using(connection=connection).aenqueue()

    one, two = await wrong.aenqueue(), await right.aenqueue()
    await burst(sqlite)
    (error,) = await errors(sqlite, one.id)
    assert "inside ctx.transaction()" in error.message
    assert await two.astatus() == "succeeded"


async def test_a_stale_claims_writes_are_undone(path: Path, sqlite: App) -> None:
    started, rescued = threading.Event(), threading.Event()
    events = Events(sqlite)

    @sqlite.task(retry=ONCE)
    def stale(ctx: Context) -> None:
        started.set()
        rescued.wait(60)
        with ctx.transaction() as connection:
            connection.execute("insert into ledger values ('stale')")

    handle = await stale.aenqueue()
    async with serving(sqlite):
        await until(started.is_set)
        (claim,) = await sqlite.store.fleet.claimed((await handle.ajob()).worker or "")
        taken = settle(claim, Crashed("test"), 0, RNG(), Rules())
        await sqlite.store.exchange("another", [taken], None)
        rescued.set()
        await until(lambda: events.of(ClaimsRefused))
    assert ledger(path) == []
    assert (await stored(sqlite, handle.id)).reason == "worker-lost"


async def test_a_lost_reply_of_the_commit_is_tried_again(
    path: Path, sqlite: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether it happened or not, the job ends and the writes are there once."""
    engine: Any = sqlite.store.engine
    begin, lost = engine.transactional.transaction, list[str]()

    def transaction(claim: Any) -> JobTransaction:
        inner: JobTransaction = begin(claim)
        commit = inner.commit

        def losing(settlement: Any) -> bool:
            how = claim.job.meta["how"]
            if how in lost:
                return commit(settlement)
            lost.append(how)
            if how == "after":
                commit(settlement)
            else:
                inner.rollback()
            raise ReplyUnknown("cut")

        monkeypatch.setattr(inner, "commit", losing)
        return inner

    monkeypatch.setattr(sqlite.store.engine.transactional, "transaction", transaction)

    @sqlite.task(retry=Retry(max_attempts=3, delay=0, jitter="none"))
    async def write(name: str, ctx: Context) -> None:
        async with ctx.transaction() as connection:
            connection.execute("insert into ledger values (?)", (name,))

    handles = [await write.using(meta={"how": how}).aenqueue(how) for how in ("before", "after")]
    await burst(sqlite)
    assert ledger(path) == ["after", "before"]
    assert [await handle.astatus() for handle in handles] == ["succeeded", "succeeded"]


@pytest.mark.parametrize("kind", ["sync", "async"])
async def test_a_body_past_its_hard_timeout_does_not_hold_the_lock(
    path: Path, sqlite: App, kind: str
) -> None:
    released = threading.Event()

    @sqlite.task(name="sync", **LIMIT)
    def sync(ctx: Context) -> None:
        with ctx.transaction() as connection:
            connection.execute("insert into ledger values ('stuck')")
        released.wait(60)

    @sqlite.task(name="async", **LIMIT)
    async def on_loop(ctx: Context) -> None:
        async with ctx.transaction() as connection:
            connection.execute("insert into ledger values ('stuck')")
        while not released.is_set():
            try:
                await asyncio.sleep(10)
            except asyncio.CancelledError:
                continue

    handle = await (sync if kind == "sync" else on_loop).aenqueue()
    worker = await burst(sqlite, concurrency=1, grace=0)
    released.set()
    assert await handle.astatus() == "dead"
    assert ledger(path) == []
    assert not worker.clean


async def test_a_wait_for_the_lock_that_is_given_up_takes_it_from_nobody(
    path: Path, sqlite: App
) -> None:
    started, held = asyncio.Event(), asyncio.Event()

    @sqlite.task(timeout="0.5s", retry=ONCE)
    async def waits(ctx: Context) -> None:
        started.set()
        await held.wait()
        async with ctx.transaction() as connection:
            connection.execute("insert into ledger values ('late')")

    @sqlite.task
    def after() -> str:
        return "free"

    await waits.aenqueue()
    with closing(sqlite3.connect(path / "jobs.db", isolation_level=None)) as holder:
        async with serving(sqlite):
            await started.wait()
            holder.execute("begin immediate")
            held.set()
            await asyncio.sleep(1)  # past the timeout, while the lock is somebody else's
            holder.execute("rollback")
            last = await after.aenqueue()
            assert await last.aresult(timeout=60) == "free"


async def test_a_transaction_without_a_store_to_share_is_refused(tmp_path: Path) -> None:
    before = cpu.app.settings.url
    cpu.app.at("memory://")
    try:
        async with cpu.app:
            handle = await cpu.write.using(max_attempts=1).aenqueue("a", False)
            await burst(cpu.app)
            (error,) = await errors(cpu.app, handle.id)
    finally:
        cpu.app.at(before or "memory://")
    assert error.type == UsageError.__module__ + ".UsageError"
    assert "URL" in error.message


async def test_a_kill_between_the_writes_and_the_end_leaves_nothing(path: Path, jobs: App) -> None:
    handle = await cpu.write_and_hang.aenqueue("a")
    arguments = ("dutiful", "worker", "tests.worker.jobs:app")
    with process(*arguments, path=path) as worker:
        await until(lambda: marks(path))
        worker.send_signal(signal.SIGKILL)
        worker.wait()
    assert ledger(path) == []
    with process(*arguments, path=path):
        await handle.aresult(timeout=60)
    job = await stored(jobs, handle.id)
    assert ledger(path) == ["a"]
    assert (job.attempt, job.crashes) == (2, 1)


@pytest.mark.parametrize("kind", ["async", "nested", "own"])
async def test_a_sync_block_on_a_loop_is_refused(path: Path, sqlite: App, kind: str) -> None:
    """It would wait for the store's lock and hold up all jobs of the loop meanwhile."""

    def write(ctx: Context) -> None:
        with ctx.transaction() as connection:
            connection.execute("insert into ledger values ('blocks')")

    async def coroutine(ctx: Context) -> None:
        write(ctx)

    async def nested() -> None:
        write(Context.current())

    def own(ctx: Context) -> None:
        asyncio.run(coroutine(ctx))

    bodies: dict[str, Any] = {"async": coroutine, "nested": nested, "own": own}
    for name, body in bodies.items():
        sqlite.task(name=name, retry=ONCE)(body)

    handle = await sqlite.find(kind).aenqueue()
    await burst(sqlite)
    (error,) = await errors(sqlite, handle.id)
    assert "write `async with ctx.transaction()`" in error.message
    assert ledger(path) == []


async def test_a_loop_of_a_threads_own_may_await_it(path: Path, sqlite: App) -> None:
    @sqlite.task(retry=ONCE)
    def sync(ctx: Context) -> None:
        async def write() -> None:
            async with ctx.transaction() as connection:
                connection.execute("insert into ledger values ('awaited')")

        asyncio.run(write())

    @sqlite.task(retry=ONCE)
    async def aside(ctx: Context) -> None:
        def write() -> None:
            with ctx.transaction() as connection:
                connection.execute("insert into ledger values ('thread')")

        await asyncio.to_thread(write)

    for task in (sync, aside):
        await task.aenqueue()
    await burst(sqlite)
    assert ledger(path) == ["awaited", "thread"]


class RNG:
    def random(self) -> float:
        return 0.5
