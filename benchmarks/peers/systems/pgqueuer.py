"""PgQueuer on PostgreSQL, run from Python: its command does not start with today's Typer."""

import os

import asyncpg
from marks import hit
from pgqueuer import PgQueuer
from pgqueuer.db import AsyncpgDriver, AsyncpgPoolDriver
from pgqueuer.models import Job
from pgqueuer.queries import Queries

URL = os.environ["PEERS_URL"]
BATCH = 1000
queries: Queries


async def install() -> None:
    await open()
    await queries.install()


async def open() -> None:
    global queries
    queries = Queries(AsyncpgDriver(await asyncpg.connect(URL)))


async def enqueue(number: int) -> None:
    await queries.enqueue("job", b"%d" % number)


async def enqueue_many(numbers: list[int]) -> None:
    size = len(numbers)
    await queries.enqueue(["job"] * size, [b"%d" % number for number in numbers], [0] * size)


async def work() -> None:
    pool = await asyncpg.create_pool(URL, min_size=2, max_size=10)
    worker = PgQueuer(AsyncpgPoolDriver(pool))

    @worker.entrypoint("job")
    async def job(claimed: Job) -> None:
        hit(int(claimed.payload or b""))

    await worker.run(batch_size=BATCH, max_concurrent_tasks=2 * BATCH)
