"""Jobs that cannot be run here: of an unknown task, with a payload that does not fit, too late."""

from __future__ import annotations

import pytest

from dutiful import App
from dutiful.core.event import TaskUnknown
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
    options = WorkerOptions(burst=True, heart_in_thread=False)
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


async def test_a_payload_that_does_not_fit_is_said_with_its_place(
    app: App, clock: FakeClock
) -> None:
    ran: list[object] = []

    @app.task
    def typed(lines: list[dict[str, int]]) -> None:
        ran.append(lines)

    for name, args in {
        "wrong-type": b'{"lines":[{"a":1},{"a":"x"}]}',
        "wrong-name": b'{"rows":[]}',
        "not-json": b"{",
        "missing": b"{}",
    }.items():
        await app.aenqueue_many([NewJob(id=name, task="typed", args=args)])
    await run(app, clock)
    for name in ("wrong-type", "wrong-name", "not-json", "missing"):
        job = await stored(app, name)
        assert (job.state.word, job.reason) == ("dead", "bad-payload"), name
    assert ran == []
    assert "$.lines[1][...]" in (await errors(app, "wrong-type"))[0].message


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
