"""Chancy on PostgreSQL."""

import logging
import os

from chancy import Chancy, Queue, Worker, job
from marks import hit

# Its own logger writes a line for each job, which would be measured too.
log = logging.getLogger("chancy-quiet")
log.setLevel(logging.WARNING)
app = Chancy(os.environ["PEERS_URL"], log=log)
QUEUE = Queue(
    "default",
    concurrency=1000,
    executor="chancy.executors.asyncex.AsyncExecutor",
    polling_interval=1,
    eager_polling=True,
)


@job()
async def mark(*, number: int) -> None:
    hit(number)


async def install() -> None:
    async with app:
        await app.migrate()
        await app.declare(QUEUE, upsert=True)


async def open() -> None:
    await app.__aenter__()


async def enqueue(number: int) -> None:
    await app.push(mark.job.with_kwargs(number=number))


async def enqueue_many(numbers: list[int]) -> None:
    async for _ in app.push_many([mark.job.with_kwargs(number=number) for number in numbers]):
        pass


async def work() -> None:
    async with app, Worker(app) as worker:
        await worker.wait_for_shutdown()
