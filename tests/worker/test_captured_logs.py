"""What tasks log is kept with their jobs, where that is switched on."""

from __future__ import annotations

import logging
import threading
from pathlib import Path

import pytest

from dutiful import App, BadConfiguration, BadOption, Unsupported
from dutiful.core.event import Notice
from dutiful.core.state import State
from dutiful.testing.broker import BrokerQueues, PoorBroker
from dutiful.testing.clock import FakeClock
from dutiful.worker.worker import Worker
from tests.until import until
from tests.worker import talkative
from tests.worker.support import Events, burst, ended, errors, marks, serving, stored

CARD = "4242424242424242"


async def messages(app: App, job_id: str) -> list[str]:
    return [line.message for line in await app.jobs.alogs(job_id)]


@pytest.mark.parametrize("name", ["on_loop", "in_thread", "in_child"])
async def test_lines_are_kept_with_the_job(talking: App, name: str) -> None:
    handle = await talking.tasks[name].aenqueue("hello", CARD)
    await burst(talking)
    third = "beside ***" if name == "on_loop" else "card ***"
    assert await messages(talking, handle.id) == ["info hello", "error hello", third]
    first, second, _ = await talking.jobs.alogs(handle.id)
    assert (first.attempt, first.level, first.logger) == (1, "info", "tests.talkative")
    assert (second.level, second.skipped) == ("error", 0)
    job = await talking.jobs.aget(handle.id)
    assert job.started_at is not None
    assert job.finished_at is not None
    assert job.enqueued_at <= first.at <= job.finished_at


async def test_lines_are_not_kept_unless_it_is_switched_on(talking: App) -> None:
    handles = [await talking.tasks[name].aenqueue("x") for name in ("silent", "never")]
    await burst(talking)
    for handle in handles:
        assert (await stored(talking, handle.id)).state is State.SUCCEEDED
        assert await messages(talking, handle.id) == []


async def test_a_task_may_name_a_level(talking: App) -> None:
    handle = await talking_task(talking, "errors_only")
    assert await messages(talking, handle) == ["error x"]


async def talking_task(app: App, name: str) -> str:
    handle = await app.tasks[name].aenqueue("x")
    await burst(app)
    return handle.id


async def test_the_setting_counts_for_tasks_that_say_nothing(tmp_path: object) -> None:
    app = App(f"sqlite:///{tmp_path}/jobs.db", capture_logs="debug")

    @app.task
    async def silent() -> None:
        talkative.talk("x")

    @app.task(capture_logs=False)
    async def never() -> None:
        talkative.talk("x")

    async with app:
        handle, other = await silent.aenqueue(), await never.aenqueue()
        await burst(app)
        assert await messages(app, handle.id) == ["debug x", "info x", "error x"]
        assert await messages(app, other.id) == []


def test_wrong_levels_are_refused_where_they_are_written() -> None:
    with pytest.raises(BadConfiguration, match="choose off, debug, info"):
        App("memory://", capture_logs="loud").settings  # noqa: B018 - it is read when asked for
    for wrong in ("loud", 7, "", b"info"):
        with pytest.raises(BadOption, match="use True, False, or a level: debug, info"):

            @App("memory://").task(capture_logs=wrong)  # type: ignore[call-overload]  # wrong
            async def task() -> None: ...


async def test_every_attempt_adds_its_lines(talking: App) -> None:
    handle = await talkative.failing.aenqueue("x")
    async with serving(talking):
        await ended(talking, handle.id)
    found = [(line.attempt, line.message) for line in await talking.jobs.alogs(handle.id)]
    assert found == [(1, "attempt 1 of x"), (2, "attempt 2 of x")]
    assert (await stored(talking, handle.id)).state is State.DEAD


async def test_snoozes_add_their_lines(talking: App) -> None:
    handle = await talkative.snoozing.aenqueue(3)
    async with serving(talking):
        await ended(talking, handle.id)
    found = [(line.attempt, line.message) for line in await talking.jobs.alogs(handle.id)]
    assert found == [(1, "3 left"), (1, "2 left"), (1, "1 left"), (1, "0 left")]


async def test_a_child_sends_lines_with_each_kind_of_end(talking: App, tmp_path: Path) -> None:
    failed = await talkative.failing_in_child.aenqueue("x")
    slow = await talkative.slow_in_child.aenqueue("x")
    died = await talkative.dying_in_child.aenqueue("x")
    async with serving(talking):
        await until(lambda: marks(tmp_path) == ["slow"])
        await talking.jobs.acancel(slow.id)
        for handle in (failed, slow, died):
            await ended(talking, handle.id)
    assert await messages(talking, failed.id) == ["before x"]
    assert (await stored(talking, slow.id)).state is State.CANCELLED
    assert await messages(talking, slow.id) == ["before x"]
    assert [error.type for error in await errors(talking, died.id)] == ["WorkerLost"]
    assert await messages(talking, died.id) == []


async def test_a_transaction_commits_the_lines(talking: App) -> None:
    handles = [await task.aenqueue("x") for task in (talkative.paying, talkative.paying_in_child)]
    await burst(talking)
    for handle in handles:
        assert (await stored(talking, handle.id)).state is State.SUCCEEDED
        assert await messages(talking, handle.id) == ["paid x"]


async def test_a_task_sees_its_own_lines(talking: App) -> None:
    looking = await talkative.looking.aenqueue("x")
    in_child = await talkative.looking_in_child.aenqueue("x")
    await burst(talking)
    assert await looking.aresult() == ["one x", "two x"]
    assert await in_child.aresult() == ["one x"]
    assert await talkative.looking("called") == []


async def test_lines_after_the_end_are_not_kept(talking: App) -> None:
    talkative.LATE["one"] = event = threading.Event()
    handle = await talkative.leaving_a_thread.aenqueue("one")
    await burst(talking)
    event.set()
    assert await messages(talking, handle.id) == ["in time"]


async def test_nothing_is_left_in_logging(talking: App) -> None:
    before = logging.getLogger().handlers[:]
    for name in ("on_loop", "in_thread", "in_child", "failing", "silent"):
        await talking.tasks[name].aenqueue("x")
    await burst(talking)
    assert logging.getLogger().handlers == before


async def test_on_an_engine_that_keeps_none_one_notice_says_so() -> None:
    app = App("memory://")

    @app.task(capture_logs=True)
    async def loud() -> None:
        talkative.talk("x")

    @app.task
    async def quiet() -> None: ...

    with app.on(PoorBroker(BrokerQueues(FakeClock()))):
        events = Events(app)
        await loud.aenqueue()
        await quiet.aenqueue()
        worker = Worker(app)
        await worker._open()  # pyright: ignore[reportPrivateUsage] - its notices are wanted
        found = [event.text for event in events.of(Notice) if "captured" in event.text]
        what = "the broker engine cannot keep what tasks log"
        assert found == [f"{what}; nothing is captured of loud"]
        with pytest.raises(Unsupported, match="look at the logs of the workers"):
            app.store.logs  # noqa: B018 - asking is the test
