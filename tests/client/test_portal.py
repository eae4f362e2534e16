"""The thread that runs async methods for sync callers, while another thread closes the app."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import CancelledError, ThreadPoolExecutor

import pytest

from dutiful import App, UsageError


def test_a_call_whose_app_is_closed_meanwhile_says_so() -> None:
    app = App("memory://")
    waits = threading.Event()

    async def acount() -> None:
        waits.set()
        await asyncio.sleep(3600)

    with ThreadPoolExecutor(1) as threads:
        call = threads.submit(lambda: app.portal.run(acount()))
        assert waits.wait(30)
        asyncio.run(app.close())
        with pytest.raises(UsageError, match=r"the app was closed before count\(\) was done"):
            call.result(30)
    assert app.jobs.count() == 0  # it opens again
    asyncio.run(app.close())


def test_a_call_that_cancels_itself_is_no_closed_app() -> None:
    app = App("memory://")

    async def agive_up() -> None:
        raise asyncio.CancelledError

    with pytest.raises(CancelledError):
        app.portal.run(agive_up())
    app.portal.close()


def test_calls_end_while_the_app_is_closed_again_and_again() -> None:
    app = App("memory://")
    ended = threading.Event()
    said: list[str] = []

    def call() -> None:
        while not ended.is_set():
            try:
                app.portal.run(asyncio.sleep(0))
            except UsageError as error:
                said.append(str(error))

    with ThreadPoolExecutor(2) as threads:
        calls = [threads.submit(call) for _ in range(2)]
        for _ in range(100):
            app.portal.close()
        ended.set()
        for one in calls:
            one.result(30)
    app.portal.close()
    assert all("was closed" in text for text in said)
