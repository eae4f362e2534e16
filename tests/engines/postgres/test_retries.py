"""A worker that waits for notifications wakes for a retry that it has only just been told of."""

import asyncio
import time

from dutiful import App, Context, Retry
from dutiful.worker.worker import Worker


async def test_a_retry_is_not_left_to_the_poll(postgres_url: str) -> None:
    app = App(postgres_url)
    times: list[float] = []
    done = asyncio.Event()

    @app.task(retry=Retry(max_attempts=3, delay="400ms", jitter="none"))
    async def fails_once(ctx: Context) -> None:
        times.append(time.monotonic())
        if ctx.attempt == 1:
            # Long enough for the rest of the worker to lie down.
            await asyncio.sleep(4)
            raise ValueError("not yet")
        done.set()

    async with app:
        worker = Worker(app)
        running = asyncio.create_task(worker.run())
        await fails_once.aenqueue()
        async with asyncio.timeout(60):
            await done.wait()
        worker.stop()
        await running
    assert times[1] - times[0] < 8
