"""A function is called once, whether the thread that waits for it answers or not."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future

import pytest

from dutiful.client.progress import tell
from dutiful.contract.blocked import Blocked


@pytest.mark.parametrize("asked_before", [True, False])
async def test_a_thread_that_waits_no_more_is_not_waited_for(asked_before: bool) -> None:
    called: list[int] = []
    blocked, done = Blocked(), Future[None]()
    done.set_result(None)
    with blocked.works_here():
        telling = asyncio.create_task(tell(lambda: called.append(1)))
    if asked_before:
        await asyncio.sleep(0)
    blocked.wait(done)  # which ends at once, and answers nothing
    await asyncio.wait_for(telling, 30)
    assert called == [1]
