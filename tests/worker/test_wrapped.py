"""A hook that wraps what a task raises changes no more of it than it does for a thread's."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from dutiful import App, Context, Discard, Snooze
from tests.until import until
from tests.worker import wrapped as cpu
from tests.worker.support import burst, errors, marks, serving, stored

Proceed = Callable[[], Awaitable[Any]]

RAISED = [*cpu.RAISED, "step"]


def group(app: App) -> None:
    """Wrap attempts as telemetry does that runs a task of its own beside them."""

    @app.around_attempt
    async def wrap(ctx: Context, proceed: Proceed) -> Any:
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(_awaited(proceed))
        return running.result()


def group_with(app: App, error: Exception) -> None:
    """Raise another error beside the task's."""

    @app.around_attempt
    async def wrap(ctx: Context, proceed: Proceed) -> Any:
        try:
            return await proceed()
        except Exception as raised:  # noqa: BLE001 - it goes on in the group
            raise ExceptionGroup("both", [error, raised]) from None


def rename(app: App) -> None:
    @app.around_attempt
    async def wrap(ctx: Context, proceed: Proceed) -> Any:
        try:
            return await proceed()
        except Exception as raised:
            raise ConnectionError("renamed") from raised


async def _awaited(proceed: Proceed) -> Any:
    return await proceed()


WRAPS: dict[str, Callable[[App], None]] = {
    "group": group,
    "with a named error": lambda app: group_with(app, BrokenPipeError("hook")),
    "with another error": lambda app: group_with(app, KeyError("hook")),
    "with a signal": lambda app: group_with(app, Snooze("5h")),
    "rename": rename,
}


@pytest.mark.parametrize("wrap", WRAPS)
async def test_a_child_ends_as_a_thread_does(wrapped: App, wrap: str) -> None:
    WRAPS[wrap](wrapped)
    handles = [
        (await cpu.in_thread.aenqueue(what), await cpu.in_child.aenqueue(what)) for what in RAISED
    ]
    await burst(wrapped)
    for what, pair in zip(RAISED, handles, strict=True):
        one, two = [await stored(wrapped, handle.id) for handle in pair]
        waits = [(job.run_at - job.enqueued_at) // 600_000_000 for job in (one, two)]
        assert (two.state, two.reason, two.attempt) == (one.state, one.reason, one.attempt), what
        assert waits[0] == waits[1], what


async def test_the_error_of_the_child_is_kept(wrapped: App) -> None:
    group(wrapped)
    handle = await cpu.in_child.aenqueue("other")
    await burst(wrapped)
    [error] = await errors(wrapped, handle.id)
    assert (error.type, error.message) == ("LookupError", "not there")
    assert "in body" in error.traceback


async def test_a_hook_may_handle_a_signal_of_the_child(wrapped: App) -> None:
    @wrapped.around_attempt
    async def patient(ctx: Context, proceed: Proceed) -> Any:
        try:
            return await proceed()
        except Snooze as asked:
            raise Discard(f"no {asked.outcome.delay // 60_000_000} minutes left") from None

    handle = await cpu.in_child.aenqueue("snooze")
    await burst(wrapped)
    [error] = await errors(wrapped, handle.id)
    assert error.message == "no 10 minutes left"


@pytest.mark.parametrize("wrap", [group, rename])
async def test_a_shutdown_spends_nothing(
    wrapped: App, tmp_path: Path, wrap: Callable[[App], None]
) -> None:
    wrap(wrapped)
    handle = await cpu.hold.aenqueue()
    async with serving(wrapped):
        await until(lambda: marks(tmp_path))
    job = await stored(wrapped, handle.id)
    assert (job.state.word, job.attempt) == ("queued", 0)


async def test_a_crash_is_counted(wrapped: App) -> None:
    group(wrapped)
    handle = await cpu.crash.aenqueue()
    await burst(wrapped)
    job = await stored(wrapped, handle.id)
    assert (job.attempt, job.crashes) == (3, 3)
