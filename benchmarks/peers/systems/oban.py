"""Oban for Python, the open-source engine, on PostgreSQL."""

import asyncio
import os

from marks import hit
from oban import Oban, job
from oban.schema import install as install_schema

URL = os.environ["PEERS_URL"]
oban: Oban


@job(queue="default")
async def mark(number: int) -> None:
    hit(number)


async def install() -> None:
    pool = await Oban.create_pool(URL)
    await install_schema(pool)
    await pool.close()


async def open() -> None:
    global oban
    oban = Oban(pool=await Oban.create_pool(URL), name="Oban")
    await oban.start()


async def enqueue(number: int) -> None:
    await oban.enqueue(mark.new(number))


async def enqueue_many(numbers: list[int]) -> None:
    await oban.enqueue_many(*(mark.new(number) for number in numbers))


async def work() -> None:
    worker = Oban(pool=await Oban.create_pool(URL), name="Oban", queues={"default": 500})
    await worker.start()
    await asyncio.Event().wait()
