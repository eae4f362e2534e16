"""A worker whose lease is over starts nothing more: others may start the same jobs."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from dutiful import App, Context
from dutiful.core.outcome import Outcome, Released
from dutiful.core.state import State
from dutiful.worker.attempt import Running
from dutiful.worker.executor import Executor
from dutiful.worker.heartbeat import Heartbeat
from dutiful.worker.runners import Runners
from tests.until import until
from tests.worker import jobs as apart
from tests.worker.support import serving, stored


async def test_what_was_claimed_before_the_end_does_not_start(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reply to a claim may come when the lease is over, as after a freeze."""
    ran: list[int] = []

    @app.task
    async def work(number: int) -> None:
        ran.append(number)

    holds = True
    claimed = asyncio.Event()
    exchange = app.store.exchange

    async def late(*given: Any) -> Any:
        nonlocal holds
        answer = await exchange(*given)
        if answer.claims:
            holds = False
            claimed.set()
        return answer

    monkeypatch.setattr(Heartbeat, "valid", lambda self: holds)
    monkeypatch.setattr(app.store, "exchange", late)
    job_id = (await work.aenqueue(1)).id
    async with serving(app, services=False):
        await claimed.wait()
        for _ in range(100):
            await asyncio.sleep(0)
        assert ran == []
    assert (await stored(app, job_id)).state is State.QUEUED
    assert ran == []


@pytest.mark.parametrize("hooked", [False, True])
@pytest.mark.parametrize("kind", ["loop", "thread", "process"])
async def test_no_body_begins_when_the_lease_ends_after_its_slot_was_chosen(
    kind: str, hooked: bool, jobs: App, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker may be frozen while a thread or a process for the job is being started."""
    ran: list[str] = []
    ends = _holds_until_a_slot_is_chosen(monkeypatch)
    if hooked:

        @jobs.around_attempt
        async def hook(ctx: Context, proceed: Callable[[], Awaitable[Any]]) -> Any:
            return await proceed()

    @jobs.task(name="on_loop")
    async def on_loop() -> None:
        ran.append("loop")

    @jobs.task(name="in_thread")
    def in_thread() -> None:
        ran.append("thread")

    try:
        made = {"loop": on_loop, "thread": in_thread, "process": apart.steps}[kind]
        handle = await made.aenqueue()
        async with serving(jobs, services=False):
            assert await until(lambda: ends) == [Released()]
    finally:
        del jobs.tasks["on_loop"], jobs.tasks["in_thread"]
    assert ran == []
    assert not (tmp_path / "marks").exists()
    assert (await stored(jobs, handle.id)).state is State.QUEUED


def _holds_until_a_slot_is_chosen(monkeypatch: pytest.MonkeyPatch) -> list[Outcome | None]:
    """Let the lease end just before a body starts; return the list of how attempts end."""
    holds = True
    ends: list[Outcome | None] = []
    start, finish = Runners.start, Executor._finish

    def late(self: Runners, running: Running) -> None:
        nonlocal holds
        holds = False
        start(self, running)

    def told(self: Executor, running: Running, outcome: Outcome | None) -> None:
        ends.append(outcome)
        finish(self, running, outcome)

    monkeypatch.setattr(Heartbeat, "valid", lambda self: holds)
    monkeypatch.setattr(Runners, "start", late)
    monkeypatch.setattr(Executor, "_finish", told)
    return ends
