"""awa-pg on PostgreSQL, with its queue storage."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass

from awa import AsyncClient, Job
from marks import hit

client = AsyncClient(os.environ["PEERS_URL"])
QUEUE = {"name": "default", "max_workers": 500, "claimers": 2, "claim_batch_size": 512}


@dataclass
class Mark:
    number: int


async def install() -> None:
    await client.migrate()
    # Without it the bulk call refuses to work.
    await client.install_queue_storage()


async def open() -> None:
    pass


async def enqueue(number: int) -> None:
    await client.insert(Mark(number))


async def enqueue_many(numbers: list[int]) -> None:
    await client.enqueue_many_copy([Mark(number) for number in numbers])


async def work() -> None:
    @client.task(Mark)
    async def mark(job: Job[Mark]) -> None:
        hit(job.args.number)

    await client.start([QUEUE])
    await asyncio.Event().wait()
