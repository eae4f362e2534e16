"""A CancelledError that nobody outside of the task asked for."""

from __future__ import annotations

import asyncio

import pytest

from dutiful import App, Retry
from tests.worker.support import burst, errors, stored


@pytest.mark.parametrize("kind", ["sync", "async"])
@pytest.mark.parametrize("text", ["", "the other side hung up"])
async def test_it_is_an_error_of_the_task(app: App, kind: str, text: str) -> None:
    @app.task(retry=Retry(never=asyncio.CancelledError))
    def sync() -> None:
        raise asyncio.CancelledError(*filter(None, [text]))

    @app.task(retry=Retry(never=asyncio.CancelledError))
    async def on_loop() -> None:
        raise asyncio.CancelledError(*filter(None, [text]))

    handle = await (sync if kind == "sync" else on_loop).aenqueue()
    await burst(app)
    assert (await stored(app, handle.id)).reason == "discarded"
    (error,) = await errors(app, handle.id)
    assert error.type.endswith("CancelledError")
    assert "raise asyncio.CancelledError" in error.traceback
    own = "the task's coroutine was cancelled by its own code" if kind == "async" else ""
    assert error.message == (text or own)
