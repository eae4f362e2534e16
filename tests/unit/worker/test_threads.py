"""The threads of sync tasks keep no process alive, and hand over every result."""

from __future__ import annotations

import asyncio
import threading

from dutiful.worker.isolation.threads import ThreadSlots


async def test_a_call_that_never_returns_does_not_keep_the_process_alive() -> None:
    slots = ThreadSlots(asyncio.get_running_loop())
    found: asyncio.Future[threading.Thread] = asyncio.get_running_loop().create_future()
    slots.submit(threading.current_thread, found.set_result)
    thread = await found
    assert await asyncio.to_thread(slots.close)
    assert thread.daemon


async def test_results_that_arrive_together_are_all_handed_over() -> None:
    slots, done = ThreadSlots(asyncio.get_running_loop()), list[int]()
    ended = asyncio.Event()

    def collect(number: int) -> None:
        done.append(number)
        if len(done) == 3:
            ended.set()

    for _ in range(2):  # a thread is used again
        done.clear()
        ended.clear()
        for number in range(3):
            slots.submit(lambda number=number: number, collect)
        async with asyncio.timeout(60):
            await ended.wait()
        assert sorted(done) == [0, 1, 2]
    assert await asyncio.to_thread(slots.close)


async def test_a_thread_that_is_held_up_is_said_not_to_have_ended() -> None:
    slots, gate = ThreadSlots(asyncio.get_running_loop()), threading.Event()
    done: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
    slots.submit(gate.wait, done.set_result)
    assert not await asyncio.to_thread(slots.close)
    gate.set()
    assert await done
