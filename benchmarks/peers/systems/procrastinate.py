"""procrastinate on PostgreSQL."""

import os

from marks import hit
from procrastinate import App, PsycopgConnector

app = App(
    connector=PsycopgConnector(conninfo=os.environ["PEERS_URL"], min_size=2, max_size=10),
    import_paths=[__name__],
)


@app.task(name="job")
async def job(number: int) -> None:
    hit(number)


async def install() -> None:
    async with app.open_async():
        await app.schema_manager.apply_schema_async()


async def open() -> None:
    await app.open_async()


async def enqueue(number: int) -> None:
    await job.defer_async(number=number)


async def enqueue_many(numbers: list[int]) -> None:
    await job.batch_defer_async(*({"number": number} for number in numbers))


async def work() -> None:
    async with app.open_async():
        await app.run_worker_async(concurrency=50, delete_jobs="always")
