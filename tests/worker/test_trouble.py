"""A store that fails, hangs up or loses replies costs time and nothing else."""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from dutiful import App, EngineUnavailable, ReplyUnknown, Retry
from dutiful.core.event import (
    EngineRecovered,
    EngineTroubled,
    LeaseLost,
    ServiceFailed,
    WorkerJoined,
)
from dutiful.core.instant import SECOND
from dutiful.core.lease import Lease
from dutiful.worker.options import WorkerOptions
from dutiful.worker.worker import Worker
from tests.flat import ROLES
from tests.until import until
from tests.worker.support import Events, burst, ended, serving, stored

LEASE = Lease(length=SECOND // 2, heartbeat=SECOND // 10)


class Faults:
    """Makes chosen calls of an app's engine fail, before or after they are done."""

    def __init__(self, app: App, monkeypatch: pytest.MonkeyPatch) -> None:
        self._engine: Any = app.store.engine
        self._patch = monkeypatch
        self.calls: Counter[str] = Counter()

    def on(self, verb: str, fault: Callable[[int], str | Exception | None]) -> None:
        """Let ``fault`` choose for each call: "before", "after", an error, or None."""
        role = getattr(self._engine, ROLES[verb])
        call, numbers = getattr(role, verb), itertools.count()

        async def faulty(*arguments: Any, **named: Any) -> Any:
            self.calls[verb] += 1
            kind = fault(next(numbers))
            if kind == "before":
                raise EngineUnavailable("away")
            if isinstance(kind, Exception):
                raise kind
            answer = await call(*arguments, **named)
            if kind == "after":
                raise ReplyUnknown("cut")
            return answer

        self._patch.setattr(role, verb, faulty)


@pytest.fixture
def faults(app: App, monkeypatch: pytest.MonkeyPatch) -> Faults:
    return Faults(app, monkeypatch)


@pytest.mark.parametrize("kind", ["before", "after"])
async def test_nothing_is_lost_or_doubled(app: App, faults: Faults, kind: str) -> None:
    ran: Counter[int] = Counter()

    @app.task
    async def note(number: int) -> None:
        ran[number] += 1
        await asyncio.sleep(0)

    faults.on("exchange", lambda call: kind if call % 3 == 1 else None)
    handles = [await note.aenqueue(number) for number in range(200)]
    await burst(app, concurrency=8)
    assert set(ran.values()) == {1}
    for handle in handles:
        job = await stored(app, handle.id)
        assert (job.state.word, job.attempt, job.crashes) == ("succeeded", 1, 0)


async def test_claims_whose_reply_was_lost_are_taken_up(app: App, faults: Faults) -> None:
    """They are those of a worker that lives, so nobody would ever rescue them."""

    @app.task
    async def note(number: int) -> int:
        return number

    faults.on("exchange", lambda call: "after" if call == 0 else None)
    handles = [await note.aenqueue(number) for number in range(5)]
    async with serving(app, concurrency=5):
        for number, handle in enumerate(handles):
            assert await handle.aresult(timeout=60) == number
            assert (await handle.ajob()).attempt == 1


async def test_a_worker_whose_wait_failed_asks_what_it_holds(app: App, faults: Faults) -> None:
    """The store may have failed over meanwhile, though no exchange met any trouble."""

    @app.task
    async def note() -> None: ...

    faults.on("wait", lambda call: "before" if call == 0 else None)
    faults.on("claimed", lambda call: None)
    async with serving(app):
        await until(lambda: faults.calls["wait"] > 1)
        await (await note.aenqueue()).aresult(timeout=60)
        await until(lambda: faults.calls["claimed"])


async def test_trouble_is_told_once(app: App, faults: Faults) -> None:
    events = Events(app)

    @app.task
    async def note() -> None: ...

    faults.on("exchange", lambda call: "before" if call < 4 else None)
    await note.aenqueue()
    await burst(app)
    assert len(events.of(EngineTroubled)) == 1
    assert len(events.of(EngineRecovered)) == 1


VERBS = ("exchange", "renew", "join", "workers", "expire", "abandoned", "claimed", "due", "prune")


@pytest.mark.parametrize("busy", [False, True], ids=["idle", "busy"])
async def test_an_outage_is_told_once_whoever_meets_it_first(
    app: App, faults: Faults, busy: bool
) -> None:
    """Heartbeat, services and claims all meet it, and the lease is lost in the middle."""
    events, away = Events(app), [False]

    @app.task
    async def note(number: int) -> None:
        await asyncio.sleep(0.01)

    for verb in VERBS:
        faults.on(verb, lambda call: "before" if away[0] else None)
    # One that a busy machine does not lose before the outage.
    lease = Lease(length=2 * SECOND, heartbeat=SECOND // 5)
    async with serving(app, lease=lease) as worker:
        await until(lambda: events.of(WorkerJoined))
        if busy:
            await app.aenqueue_many(note.job(number) for number in range(2000))
            await until(lambda: worker._registration and worker._registration.executor.done > 5)
        away[0] = True
        failed = Counter(faults.calls)
        await until(lambda: events.of(LeaseLost))
        await until(lambda: faults.calls["join"] > failed["join"] + 2)
        away[0] = False
        await until(lambda: events.of(EngineRecovered))
        await until(lambda: len(events.of(WorkerJoined)) == 2)
        answered = Counter(faults.calls)
        await until(lambda: faults.calls["due"] > answered["due"])
        await until(lambda: faults.calls["workers"] > answered["workers"])
    assert (len(events.of(EngineTroubled)), len(events.of(EngineRecovered))) == (1, 1)
    assert not events.of(ServiceFailed)


@pytest.mark.parametrize("odd", [False, True], ids=["unavailable", "unforeseen"])
async def test_a_worker_that_cannot_renew_stops_its_jobs_and_starts_anew(
    app: App, faults: Faults, odd: bool
) -> None:
    events, stopped, away, begun = Events(app), list[int](), [False], asyncio.Event()

    @app.task(retry=Retry(max_attempts=1))
    async def long(number: int) -> int:
        if not stopped and not number:
            begun.set()
            try:
                await asyncio.sleep(30)
            except asyncio.CancelledError:
                stopped.append(1)
                raise
        return number

    def fault(call: int) -> str | Exception | None:
        if not away[0]:
            return None
        return RuntimeError("unforeseen") if odd else "before"

    for verb in ("renew", "exchange", "join"):
        faults.on(verb, (lambda call: "before" if away[0] else None) if verb != "renew" else fault)
    first = await long.aenqueue(0)
    async with serving(app, lease=LEASE, concurrency=2):
        await until(lambda: events.of(WorkerJoined))
        await begun.wait()
        away[0] = True
        await until(lambda: events.of(LeaseLost))
        await until(lambda: stopped)
        await asyncio.sleep(0.3)  # long enough to have tried to join again
        away[0] = False
        second = await long.aenqueue(1)
        assert await second.aresult(timeout=60) == 1
        job = await ended(app, first.id)
    joined = events.of(WorkerJoined)
    assert len({event.worker for event in joined}) == len(joined) == 2
    assert job.state.word in ("succeeded", "dead")
    assert len(events.of(EngineTroubled)) == len(events.of(EngineRecovered)) == 1
    assert bool(events.of(ServiceFailed)) is odd


async def test_a_stop_is_heeded_while_the_store_is_away(app: App, faults: Faults) -> None:
    @app.task
    async def note() -> None: ...

    faults.on("exchange", lambda call: "before")
    await note.aenqueue()
    async with asyncio.timeout(20), serving(app, grace=0):
        await until(lambda: faults.calls["exchange"])


async def test_a_stop_is_heeded_while_the_store_cannot_be_joined(app: App, faults: Faults) -> None:
    faults.on("join", lambda call: "before")
    async with asyncio.timeout(20), serving(app):
        await until(lambda: faults.calls["join"])


async def test_an_unforeseen_error_ends_the_worker_loudly(app: App, faults: Faults) -> None:
    interrupted: list[int] = []

    @app.task
    async def long() -> None:
        try:
            await asyncio.sleep(30)
        finally:
            interrupted.append(1)

    faults.on("exchange", lambda call: RuntimeError("a bug") if call else None)
    await long.aenqueue()
    with pytest.raises(RuntimeError, match="a bug"):
        await Worker(app, WorkerOptions(poll=0.05)).run()
    assert interrupted == [1]
