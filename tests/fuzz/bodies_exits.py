"""One body that ends its whole process, beside ordinary jobs, under a supervisor of two workers.

No isolation but a child's can keep a process from ending. What holds is that the supervisor starts
another, that what ran there runs again, and that the job which did it is dead in the end.
"""

from __future__ import annotations

import asyncio
import subprocess
import tempfile
import time
from random import Random

from dutiful.core.state import State
from tests.fuzz import bodies_tasks as tasks
from tests.fuzz.bodies_run import WAITING, Finding, alive, end, serving, shown, unfinished

NEIGHBOURS = 8


async def play(seed: int) -> None:
    """Run one such body; raises Finding with what went wrong."""
    rng = Random(seed)
    with tempfile.TemporaryDirectory(prefix="dutiful-bodies-") as folder:
        tasks.app.at(f"sqlite:///{folder}/jobs.db")
        async with tasks.app:
            neighbours = [rng.choice(tasks.PATIENT) for _ in range(NEIGHBOURS)]
            good = [(await one.aenqueue(number)).id for number, one in enumerate(neighbours)]
            hostile = (await rng.choice(tasks.ENDING).aenqueue(seed)).id
            async with serving(folder, f"seed {seed}, an end", "-c", "12", "-p", "2") as worker:
                await _judge(worker, good, hostile)
                await end(worker)


async def _judge(worker: subprocess.Popen[bytes], good: list[str], hostile: str) -> None:
    limit = time.monotonic() + WAITING
    while left := await unfinished([*good, hostile]):
        alive(worker)
        if time.monotonic() > limit:
            raise Finding(f"{len(left)} jobs wait: {shown(left[:3])}")
        await asyncio.sleep(0.05)
    (ended,) = await tasks.app.store.inspector.get([hostile])
    if (ended.state, ended.reason) != (State.DEAD, "worker-lost"):
        raise Finding(f"it is not dead of what it did: {shown([ended])}")
    for job in await tasks.app.store.inspector.get(good):
        if job.state is not State.SUCCEEDED:
            raise Finding(f"a neighbour was lost: {shown([job])}")
