"""Jobs that cannot be run here: of an unknown task, with a payload that does not fit, too late."""

from __future__ import annotations

from typing import Any

import pytest

from dutiful import App
from dutiful.core.event import ArgumentsUnfit, TaskUnknown
from dutiful.core.instant import MINUTE, SECOND
from dutiful.core.job import NewJob
from dutiful.engines.memory import MemoryEngine
from dutiful.testing import FakeClock
from dutiful.worker.options import WorkerOptions
from dutiful.worker.worker import Worker
from tests.worker.support import Events, errors, stored


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def app(clock: FakeClock) -> App:
    return App(engine=MemoryEngine(clock), unknown_task_after="1m")


async def run(app: App, clock: FakeClock) -> None:
    options = WorkerOptions(burst=True, heartbeat_in_thread=False)
    await Worker(app, options, clock=clock).run()


async def test_an_unknown_task_is_parked_for_those_who_know_it(app: App, clock: FakeClock) -> None:
    events = Events(app)
    await app.aenqueue_many([NewJob(id="parked-job", task="newer", args=b"{}")])
    await run(app, clock)
    job = await stored(app, "parked-job")
    assert (job.state.word, job.reason, job.attempt) == ("scheduled", "unknown-task", 0)
    assert [event.task for event in events.of(TaskUnknown)] == ["newer"]
    newer = App(engine=app.store.engine)

    @newer.task(name="newer")
    def known() -> str:
        return "done"

    clock.advance("16s")
    await run(newer, clock)
    assert await known.handle("parked-job").aresult(timeout=1) == "done"
    assert (await stored(app, "parked-job")).reason is None


async def test_a_task_that_nobody_knows_dies_in_the_stated_time(app: App, clock: FakeClock) -> None:
    await app.aenqueue_many([NewJob(id="parked-job", task="nobody's", args=b"{}")])
    for _ in range(5):
        await run(app, clock)
        assert (await stored(app, "parked-job")).state.word == "scheduled" or clock.ticks()
        clock.advance("16s")
    job = await stored(app, "parked-job")
    assert (job.state.word, job.reason, job.attempt) == ("dead", "unknown-task", 0)


UNFIT = {
    "wrong-type": b'{"lines":[{"a":1},{"a":"x"}]}',
    "wrong-name": b'{"rows":[]}',
    "missing": b"{}",
    "one-more": b'{"lines":[],"quality":90}',
}


async def test_arguments_that_do_not_fit_wait_for_other_code_and_die_in_the_stated_time(
    app: App, clock: FakeClock
) -> None:
    events, ran = Events(app), list[object]()

    @app.task
    def typed(lines: list[dict[str, int]]) -> None:
        ran.append(lines)

    jobs = [NewJob(id=name, task="typed", args=args) for name, args in UNFIT.items()]
    await app.aenqueue_many(jobs)
    since = clock.now()
    for _ in range(5):
        await run(app, clock)
        for name in UNFIT if clock.now() < since + MINUTE else ():
            job = await stored(app, name)
            assert (job.state.word, job.reason, job.attempt) == ("scheduled", "bad-payload", 0)
            assert job.parked_at == since
            (error,) = await errors(app, name)
            assert error.type == "BadPayload"
        clock.advance("16s")
    assert ran == []
    assert len(events.of(ArgumentsUnfit)) == len(UNFIT)
    for name in UNFIT:
        job = await stored(app, name)
        assert (job.state.word, job.reason, job.attempt) == ("dead", "bad-payload", 0), name
    assert "$.lines[1][...]" in (await errors(app, "wrong-type"))[-1].message


async def test_they_wait_for_a_day_at_most(clock: FakeClock) -> None:
    app = App(engine=MemoryEngine(clock))

    @app.task
    def typed(lines: int) -> None: ...

    await app.aenqueue_many([NewJob(id="odd", task="typed", args=b"{}")])
    await run(app, clock)
    clock.advance("23h")
    await run(app, clock)
    assert (await stored(app, "odd")).state.word == "scheduled"
    clock.advance("1h")
    await run(app, clock)
    assert (await stored(app, "odd")).state.word == "dead"


async def test_a_parked_job_that_expires_says_so(app: App, clock: FakeClock) -> None:
    @app.task
    def typed(lines: int) -> None: ...

    unfit = NewJob(id="odd", task="typed", args=b"{}", expires_in=20 * SECOND)
    await app.aenqueue_many([unfit])
    for _ in range(3):
        await run(app, clock)
        clock.advance("16s")
    assert (await stored(app, "odd")).reason == "expired"


@pytest.mark.parametrize("args", [b"{", b"[1]", b"5", b"null", b"\xff", b"[" * 3000])
async def test_what_no_client_writes_dies_at_once(app: App, clock: FakeClock, args: bytes) -> None:
    @app.task
    def typed(lines: list[dict[str, int]]) -> None: ...

    engine: Any = app.store.engine
    await engine.producer.enqueue([NewJob(id="garbage", task="typed", args=args)])
    await run(app, clock)
    job = await stored(app, "garbage")
    assert (job.state.word, job.reason, job.attempt) == ("dead", "bad-payload", 1)


@pytest.mark.parametrize("newer_first", [False, True])
async def test_a_rolling_deploy_loses_no_job_either_way(
    clock: FakeClock, newer_first: bool
) -> None:
    engine = MemoryEngine(clock)
    old, new = App(engine=engine), App(engine=engine)

    @old.task(name="resize")
    def old_resize(path: str) -> str:
        return path

    @new.task(name="resize")
    def new_resize(path: str, size: int, quality: int = 80) -> str:
        return f"{path} {size} {quality}"

    from_old = await old_resize.aenqueue("cat.png")  # the new code wants a size
    from_new = await new_resize.aenqueue("dog.png", 7, quality=90)
    for app in (new, old, new) if newer_first else (old, new, old):
        await run(app, clock)
        clock.advance("16s")
    assert await from_old.aresult(timeout=1) == "cat.png"
    assert await from_new.aresult(timeout=1) == "dog.png 7 90"
    assert (await from_new.ajob()).attempt == (await from_old.ajob()).attempt == 1
    assert (await from_new.ajob()).reason is None


async def test_a_job_that_nobody_started_in_time_expires(app: App, clock: FakeClock) -> None:
    ran: list[int] = []

    @app.task(expires_in="1m")
    def hurried(number: int) -> None:
        ran.append(number)

    late = await hurried.aenqueue(1)
    clock.advance("61s")
    timely = await hurried.aenqueue(2)
    await run(app, clock)
    assert ran == [2]
    job = await stored(app, late.id)
    assert (job.state.word, job.reason, job.attempt) == ("dead", "expired", 0)
    assert await timely.astatus() == "succeeded"
