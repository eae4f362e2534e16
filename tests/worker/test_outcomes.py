"""What a task raises or returns becomes the right end of its attempt, in every place."""

from __future__ import annotations

import logging
import os
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dutiful import App, BadOption, Cancel, Context, Discard, Retry, Snooze
from dutiful.core.event import JobDied
from dutiful.core.job import NewJob
from tests.worker import jobs as cpu
from tests.worker.support import Events, burst, errors, stored

AT_ONCE = Retry(max_attempts=5, delay=0, jitter="none")
ONCE = Retry(max_attempts=1)


class Odd(Exception):
    @property
    def retry_after(self) -> int:
        raise RuntimeError("no such header")

    def __str__(self) -> str:
        raise RuntimeError("no text")


class Busy(Exception):
    def __init__(self, wish: object) -> None:
        self.retry_after = wish


def make(app: App, raising: Any, kind: str, **options: Any) -> Any:
    """Register a task that raises, or returns, something at its first attempt."""

    def first(ctx: Context) -> Any:
        if ctx.attempt > 1 or seen:
            return "done"
        seen.append(1)
        if isinstance(raising, BaseException):
            raise raising
        return raising

    seen: list[int] = []

    async def on_loop(ctx: Context) -> Any:
        return first(ctx)

    fn = first if kind == "sync" else on_loop
    return app.task(name="task", **options)(fn)


@pytest.mark.parametrize("kind", ["sync", "async"])
@pytest.mark.parametrize(
    ("raising", "states", "attempts"),
    [
        (Retry(after=0), "succeeded", 2),
        (Snooze(0), "waiting", 0),
        (Retry(delay=0), "succeeded", 2),
        (Discard("no use"), "dead", 1),
        (Cancel("not wanted"), "cancelled", 1),
        (ValueError("again"), "succeeded", 2),
        (SystemExit(3), "succeeded", 2),
        (KeyboardInterrupt(), "succeeded", 2),
        (BaseException("odd"), "succeeded", 2),
        (StopIteration("odd"), "succeeded", 2),
        (GeneratorExit(), "succeeded", 2),
        (Odd(), "succeeded", 2),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else "",
)
@pytest.mark.parametrize("hooked", [False, True], ids=["", "hooked"])
async def test_what_is_raised(
    kind: str, raising: BaseException, states: str, attempts: int, hooked: bool
) -> None:
    async with App("memory://") as app:
        if hooked:
            app.around_attempt(lambda ctx, proceed: proceed())
        task = make(app, raising, kind, retry=AT_ONCE)
        handle = await task.aenqueue()
        await burst(app, concurrency=2)
        job = await stored(app, handle.id)
    assert (job.state.word, job.attempt) == (states, attempts)


@pytest.mark.parametrize("kind", ["sync", "async"])
async def test_signals_may_be_returned(app: App, kind: str) -> None:
    task = make(app, Snooze(0), kind)
    handle = await task.aenqueue()
    await burst(app)
    job = await stored(app, handle.id)
    assert (job.state.word, job.attempt) == ("waiting", 0)


@pytest.mark.parametrize("raising", [Snooze, lambda: Snooze(timedelta.max), lambda: Snooze(1e13)])
async def test_a_signal_that_cannot_be_is_an_error_of_the_task(app: App, raising: Any) -> None:
    @app.task(retry=ONCE)
    def task() -> None:
        raise raising()

    handle = await task.aenqueue()
    await burst(app)
    assert (await stored(app, handle.id)).state.word == "dead"
    assert (await errors(app, handle.id))[0].type == "dutiful.core.errors.BadOption"


async def test_a_policy_that_is_raised_is_told(app: App) -> None:
    @app.task(retry=ONCE)
    def task() -> None:
        raise Retry(delay="1h")

    handle = await task.aenqueue()
    await burst(app)
    [error] = await errors(app, handle.id)
    assert error.type == "BadOption"
    assert 'write raise Retry(after="1h")' in error.message


def test_a_signal_is_no_policy(app: App) -> None:
    with pytest.raises(BadOption, match=r'retry=Retry\(delay="5m", backoff="fixed"\)'):
        app.task(retry=Retry(after="5m"))(print)


@pytest.mark.parametrize(
    ("what", "state", "attempt", "error"),
    [
        ("retry", "succeeded", 2, "Retry"),
        ("discard", "dead", 1, "Discard"),
        ("exit", "succeeded", 2, "SystemExit"),
        ("interrupt", "succeeded", 2, "KeyboardInterrupt"),
        ("recursion", "succeeded", 2, "RecursionError"),
        ("object", "dead", 1, "BadArguments"),
        ("other", "succeeded", 2, "ValueError"),
    ],
)
async def test_what_a_child_process_says(
    jobs: App, what: str, state: str, attempt: int, error: str
) -> None:
    handle = await cpu.say.aenqueue(what)
    await burst(jobs, concurrency=1)
    job = await stored(jobs, handle.id)
    assert (job.state.word, job.attempt) == (state, attempt)
    assert (await errors(jobs, handle.id))[0].type == error


async def test_a_snooze_spends_nothing_and_waits(app: App) -> None:
    moment = datetime.now(UTC) + timedelta(hours=1)

    @app.task
    async def later() -> None:
        raise Snooze(until=moment)

    @app.task
    def soon() -> Snooze:
        return Snooze("10m")

    one, two = await later.aenqueue(), await soon.aenqueue()
    await burst(app)
    for handle in (one, two):
        job = await stored(app, handle.id)
        assert (job.state.word, job.attempt) == ("waiting", 0)
    assert (await stored(app, one.id)).run_at == int(moment.timestamp() * 1_000_000)


@pytest.mark.parametrize(
    ("wish", "seconds"),
    [
        (90, 90),
        ("120", 120),
        ("2m", 120),
        (timedelta(minutes=3), 180),
        (1e300, 366 * 86400),
        (float("nan"), None),
        (-5, None),
        ("Wed, 21 Oct 2015 07:28:00 GMT", None),
        (True, None),
        ("²", None),
    ],
)
async def test_an_error_may_say_when_to_try_again(
    sqlite: App, wish: object, seconds: float | None
) -> None:
    @sqlite.task(retry=Retry(delay="7s", jitter="none"))
    async def busy() -> None:
        raise Busy(wish)

    handle = await busy.aenqueue()
    await burst(sqlite)
    job = await stored(sqlite, handle.id)
    assert job.state.word == "scheduled"
    waits = (job.run_at - (job.started_at or 0)) / 1_000_000
    assert waits == pytest.approx(7 if seconds is None else seconds, abs=5)


async def test_the_policy_chooses_by_kind_of_error(app: App) -> None:
    @app.task(retry=Retry(on=(OSError, LookupError), never=(KeyError,), delay=60))
    def choosy(kind: str) -> None:
        raise {"os": OSError, "key": KeyError, "index": IndexError, "value": ValueError}[kind]

    handles = {kind: await choosy.aenqueue(kind) for kind in ("os", "key", "index", "value")}
    await burst(app)
    states = {kind: await handle.astatus() for kind, handle in handles.items()}
    assert states == {"os": "scheduled", "key": "dead", "index": "scheduled", "value": "dead"}
    assert (await stored(app, handles["key"].id)).reason == "discarded"


async def test_attempts_are_spent(app: App) -> None:
    deaths = Events(app)

    @app.task(retry=Retry(max_attempts=3, delay=0, jitter="none"))
    def never() -> None:
        raise ValueError("no")

    @app.task(retry=Retry(within="1s", delay="2s", jitter="none"))
    def late() -> None:
        raise ValueError("no")

    one, two = await never.aenqueue(), await late.aenqueue()
    await burst(app)
    job = await stored(app, one.id)
    assert (job.state.word, job.attempt, job.reason) == ("dead", 3, "attempts-spent")
    assert [error.attempt for error in await errors(app, one.id)] == [1, 2, 3]
    assert (await stored(app, two.id)).reason == "attempts-spent"
    assert len(deaths.of(JobDied)) == 2


async def coroutine() -> None: ...


@pytest.mark.parametrize(
    ("value", "kind", "text"),
    [
        (object(), "dutiful.core.errors.BadArguments", "object is not plain data"),
        (float("nan"), "BadArguments", "nan is not a JSON number"),
        ("x" * 300_000, "PayloadTooLarge", "over the limit"),
        (2**80, "BadArguments", "64 bits"),
    ],
)
async def test_a_result_that_cannot_be_stored_is_no_success(
    app: App, value: object, kind: str, text: str
) -> None:
    @app.task
    def odd() -> object:
        return value

    handle = await odd.aenqueue()
    await burst(app)
    job = await stored(app, handle.id)
    assert (job.state.word, job.attempt, job.reason) == ("dead", 1, "discarded")
    (error,) = await errors(app, handle.id)
    assert error.type == kind.rpartition(".")[2]
    assert text in error.message


async def test_a_coroutine_that_nobody_awaited_is_no_success(app: App) -> None:
    @app.task
    def careless() -> Any:
        return coroutine()

    handle = await careless.aenqueue()
    await burst(app)
    assert (await stored(app, handle.id)).state.word == "dead"
    assert "declare it with async def" in (await errors(app, handle.id))[0].message


def test_functions_that_would_do_nothing_are_refused() -> None:
    app = App("memory://")

    def yields() -> Iterator[int]:
        yield 1

    async def ayields() -> AsyncIterator[int]:
        yield 1

    async def apart() -> None: ...

    with pytest.raises(BadOption, match="generator"):
        app.task(yields)
    with pytest.raises(BadOption, match="generator"):
        app.task(ayields)
    with pytest.raises(BadOption, match="cpu=True"):
        app.task(cpu=True)(apart)


async def test_errors_are_kept_whole_but_bounded(sqlite: App) -> None:
    def inner(size: int) -> None:
        raise ValueError("a" * size + "\ud800\0")

    @sqlite.task(retry=ONCE)
    def large() -> None:
        inner(100_000)

    @sqlite.task(retry=ONCE)
    async def deep() -> int:
        def deeper() -> int:
            return deeper() + 1

        return deeper()

    one, two = await large.aenqueue(), await deep.aenqueue()
    await burst(sqlite)
    (error,) = await errors(sqlite, one.id)
    assert len(error.message) < 4_100
    assert error.message.endswith("\\ud800\\x00")
    assert "characters left out" in error.message
    assert len(error.traceback) < 16_100
    assert "in inner" in error.traceback
    assert f"{os.sep}dutiful{os.sep}worker" not in error.traceback
    (error,) = await errors(sqlite, two.id)
    assert error.type == "RecursionError"
    assert len(error.traceback) < 16_100


async def test_a_traceback_begins_in_the_task(app: App) -> None:
    @app.task(retry=ONCE)
    async def wrong() -> None:
        raise LookupError("here")

    handle = await wrong.aenqueue()
    await burst(app)
    lines = (await errors(app, handle.id))[0].traceback.splitlines()
    assert lines[0].startswith("Traceback")
    assert __file__ in lines[1]
    assert lines[-1] == "LookupError: here"


async def test_arguments_are_never_logged(app: App, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    secret = "hunter2-very-secret"  # noqa: S105 - nobody's

    @app.task(retry=ONCE)
    async def fails(password: str) -> str:
        raise ValueError("refused")

    @app.task
    def works(password: str) -> str:
        return password

    @app.task
    def discards(password: str) -> None:
        raise Discard("no use")

    @app.task
    def typed(password: int) -> None: ...

    for task in (fails, works, discards):
        await task.aenqueue(secret)
    bad = NewJob(id="bad", task="typed", args=f'{{"password":"{secret}"}}'.encode())
    await app.aenqueue_many([bad])
    await burst(app)
    assert len(caplog.records) >= 3
    assert secret not in caplog.text


async def test_what_a_task_says_takes_one_line_of_the_log(
    app: App, caplog: pytest.LogCaptureFixture
) -> None:
    @app.task(retry=ONCE)
    def forges() -> None:
        raise ValueError("one\n2026-01-01 INFO all is well\x1b[2J\u202e")

    await forges.aenqueue()
    await burst(app)
    (said,) = [record.getMessage() for record in caplog.records if "is dead" in record.message]
    assert said.endswith(r"one\n2026-01-01 INFO all is well\x1b[2J\u202e")
    assert said.isprintable()


async def test_one_jobs_broken_annotation_ends_neither_worker_nor_slot(app: App) -> None:
    @app.task(retry=ONCE)
    def fine() -> int:
        return 1

    @app.task(retry=ONCE)
    def broken(a: Nowhere) -> None: ...  # type: ignore[name-defined]  # noqa: F821 - under test

    wrong = NewJob(id="wrong-annotation", task="broken", args=b'{"a":1}', max_attempts=1)
    await app.aenqueue_many([wrong, *(fine.job() for _ in range(3))])
    await burst(app, concurrency=1)
    job = await stored(app, wrong.id)
    assert (job.state.word, job.reason) == ("dead", "attempts-spent")
    assert "TYPE_CHECKING" in (await errors(app, wrong.id))[0].message
