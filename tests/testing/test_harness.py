"""The harness runs real workers on memory, so these tests are also its examples."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from dutiful import App, Context, JobFailed, Retry, Snooze, UsageError
from dutiful.core.state import State
from dutiful.testing import FakeClock, Harness, harness

app = App("sqlite:///never-made-by-a-test.db")
sent: list[tuple[str, int]] = []


@app.task(queue="mail", retry=Retry(max_attempts=3, delay="1m", backoff="fixed", jitter="none"))
async def send(ctx: Context, to: str, *, failures: int = 0) -> str:
    if ctx.attempt <= failures:
        raise ConnectionError("no route")
    sent.append((to, ctx.attempt))
    return to


@app.task
def sign_up(name: str) -> None:
    send.enqueue(name)


@app.task
async def wait_until(moment: datetime, ctx: Context) -> None:
    if ctx.attempt and not sent:
        sent.append(("snoozed", 0))
        raise Snooze(until=moment)


@pytest.fixture
def jobs() -> Iterator[Harness]:
    sent.clear()
    with harness(app) as held:
        yield held


def test_nothing_runs_until_the_test_asks(jobs: Harness) -> None:
    send.enqueue("a")
    assert sent == []
    assert jobs.run_due() == 1
    assert sent == [("a", 1)]
    assert [job.state for job in jobs.jobs(send)] == [State.SUCCEEDED]


def test_a_job_enqueued_by_a_job_runs_in_the_same_call(jobs: Harness) -> None:
    sign_up.enqueue("a")
    jobs.run_due()
    jobs.assert_enqueued(send, "a")
    assert sent == [("a", 1)]


def test_a_retry_waits_for_the_clock(jobs: Harness) -> None:
    send.enqueue("a", failures=1)
    jobs.run_due()
    assert sent == []
    jobs.run_due(until="59s")
    assert sent == []
    jobs.run_due(until="1s")
    assert sent == [("a", 2)]


def test_time_passes_through_every_retry_on_the_way(jobs: Harness) -> None:
    handle = send.enqueue("a", failures=2)
    before = jobs.clock.now()
    jobs.run_due(until="1h")
    assert sent == [("a", 3)]
    assert jobs.clock.now() - before == 3600 * 1_000_000
    assert handle.result(timeout=1) == "a"


def test_a_dead_job_fails_the_test_with_its_traceback(jobs: Harness) -> None:
    send.enqueue("a", failures=9)
    with pytest.raises(JobFailed, match="no route"):
        jobs.run_due(until="1h")
    assert len(jobs.died) == 1
    send.enqueue("b", failures=9)
    jobs.run_due(until="1h", raise_on_death=False)
    assert len(jobs.died) == 2


def test_a_delay_and_a_snooze_wait_for_the_clock(jobs: Harness) -> None:
    send.using(delay="10m").enqueue("later")
    wait_until.enqueue(datetime(2026, 1, 1, 0, 5, tzinfo=UTC))
    jobs.run_due(until="9m")
    assert [job.state for job in jobs.jobs(wait_until)] == [State.SUCCEEDED]
    assert ("later", 1) not in sent
    jobs.run_due(until="1m")
    assert ("later", 1) in sent


def test_a_missing_job_is_reported_with_what_there_is(jobs: Harness) -> None:
    with pytest.raises(AssertionError, match="nothing was enqueued at all"):
        jobs.assert_enqueued(send, "a")
    send.enqueue("b")
    with pytest.raises(AssertionError, match=r'no job of send.*"a"(.|\n)*"b"'):
        jobs.assert_enqueued(send, "a")
    with pytest.raises(AssertionError, match="jobs were enqueued for: send"):
        jobs.assert_enqueued(sign_up, "b")
    assert jobs.enqueued(send) == [{"to": "b"}]


async def test_async_tests_use_the_twins() -> None:
    sent.clear()
    with harness(app, clock=FakeClock(datetime(2030, 1, 1, tzinfo=UTC))) as jobs:
        handle = await send.aenqueue("a")
        assert await jobs.arun_due() == 1
        assert await handle.aresult(timeout=1) == "a"
        assert (await jobs.ajobs(send, "succeeded"))[0].enqueued_at > 1_890_000_000_000_000
        assert len(await jobs.aassert_enqueued(send, "a")) == 1
        assert await jobs.aenqueued(send) == [{"to": "a"}]
        with pytest.raises(AssertionError, match="no job of"):
            await jobs.aassert_enqueued(send, "b")


SYNC: dict[str, Callable[[Harness], Any]] = {
    "run_due": lambda jobs: jobs.run_due(),
    "jobs": lambda jobs: jobs.jobs(),
    "assert_enqueued": lambda jobs: jobs.assert_enqueued(send, "a"),
    "enqueued": lambda jobs: jobs.enqueued(send),
}


@pytest.mark.parametrize("name", SYNC)
async def test_async_tests_are_told_of_the_twins(name: str) -> None:
    """A task that needs the test's loop would wait for it while it waits for the task."""
    sent.clear()
    with harness(app) as jobs:
        await send.aenqueue("a")
        with pytest.raises(UsageError, match=rf"^{name}\(\).*await .*a{name}\("):
            SYNC[name](jobs)
    assert sent == []


def test_the_app_is_given_its_own_store_back(tmp_path: Path) -> None:
    path = tmp_path / "jobs.db"
    own = App(f"sqlite:///{path}")

    @own.task
    def note() -> None: ...

    with harness(own) as jobs:
        note.enqueue()
        assert len(jobs.jobs()) == 1
    assert not path.exists()
    note.enqueue()
    own.portal.run(own.store.engine.close())
    own.portal.close()
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT count(*) FROM dutiful_job").fetchone() == (1,)
    connection.close()
