"""A worker whose lease is over starts nothing more: others may start the same jobs."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from dutiful import App
from dutiful.core.state import State
from dutiful.worker.heart import Heart
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

    monkeypatch.setattr(Heart, "valid", lambda self: holds)
    monkeypatch.setattr(app.store, "exchange", late)
    job_id = (await work.aenqueue(1)).id
    async with serving(app, services=False):
        await claimed.wait()
        for _ in range(100):
            await asyncio.sleep(0)
        assert ran == []
    assert (await stored(app, job_id)).state is State.QUEUED
    assert ran == []
