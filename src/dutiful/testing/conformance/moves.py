"""The moves that tests are written in: build a job, claim it, end it, look at it."""

from __future__ import annotations

import itertools
import time
from collections.abc import Sequence
from typing import Any
from uuid import uuid4

from msgspec.structs import replace

from dutiful.contract.capability import Capability
from dutiful.contract.page import Filter
from dutiful.contract.roles.consumer import Wanted
from dutiful.contract.roles.fleet import WorkerInfo
from dutiful.contract.roles.producer import Receipt
from dutiful.core.instant import SECOND
from dutiful.core.job import Claim, Job, NewJob
from dutiful.core.outcome import Crashed, Discarded, Failed, Outcome
from dutiful.core.retry import RetryPolicy
from dutiful.core.settle import Rules, Settlement, settle
from dutiful.testing.conformance.roles import Roles
from dutiful.testing.conformance.suite_clock import SuiteClock, unit

RULES = Rules(retry=RetryPolicy(backoff="fixed", delay=10 * SECOND, jitter="none"))
"""Retries come ten seconds later, exactly."""


def quick(clock: SuiteClock) -> Rules:
    """Return rules by which retries come one unit later."""
    return Rules(retry=RetryPolicy(backoff="fixed", delay=unit(clock), jitter="none"))


_times, _run = itertools.count(time.time_ns()), uuid4().hex[:16]

FAILED = Failed("ValueError", "no such order", "Traceback: ...")


class Half:
    """A die that always shows one half."""

    def random(self) -> float:
        """Return 0.5."""
        return 0.5


def hand(worker: str, *, lease: int = 10 * SECOND, pid: int = 0) -> WorkerInfo:
    """Introduce a worker of queue ``default``."""
    return WorkerInfo(
        id=worker,
        queues=("default",),
        concurrency=10,
        lease=lease,
        host="host",
        pid=pid,
        born=7,
        version="1",
    )


def new(task: str = "t", **fields: Any) -> NewJob:
    """Build a job to enqueue, with a fresh id that sorts after those before it, as real ids do."""
    return replace(NewJob(id=f"{next(_times):016x}{_run}", task=task, args=b"{}"), **fields)


async def join(engine: Roles, info: WorkerInfo) -> None:
    """Register a worker, where the engine knows its workers."""
    if Capability.FLEET in engine.capabilities:
        await engine.fleet.join(info)


async def put(engine: Roles, jobs: Sequence[NewJob]) -> tuple[Receipt, ...]:
    """Enqueue jobs, in as many calls as the engine's bound demands."""
    size = engine.bounds.batch or len(jobs) or 1
    receipts: list[Receipt] = []
    for start in range(0, len(jobs), size):
        receipts += await engine.producer.enqueue(jobs[start : start + size])
    return tuple(receipts)


async def add(engine: Roles, **fields: Any) -> str:
    """Enqueue one job and return its id."""
    job = new(**fields)
    await engine.producer.enqueue([job])
    return job.id


async def take(
    engine: Roles, limit: int = 1, *, worker: str = "w1", queues: Sequence[str] = ("default",)
) -> tuple[Claim, ...]:
    """Claim jobs, in as many calls as the engine's bound demands."""
    size = engine.bounds.batch or limit
    claims: list[Claim] = []
    while True:
        wanted = Wanted(tuple(queues), min(limit - len(claims), size))
        found = (await engine.consumer.exchange(worker, [], wanted)).claims
        claims += found
        if not found or len(claims) >= limit or size >= limit:
            return tuple(claims)


async def comes_at(engine: Roles, clock: SuiteClock, due: int) -> Claim:
    """Demand that the one job is given out once the clock's ticks have reached ``due``, not before.

    A busy machine may reach them before the first look; that look demands nothing then.
    """
    claims = await take(engine)
    assert not claims or clock.ticks() >= due
    if not claims:
        clock.advance(max(due - clock.ticks(), 0) / SECOND)
        claims = await take(engine)
    assert len(claims) == 1
    return claims[0]


async def one(engine: Roles, *, worker: str = "w1") -> Claim:
    """Claim the one job that can be claimed now."""
    claims = await take(engine, worker=worker)
    assert len(claims) == 1
    return claims[0]


def ending(claim: Claim, outcome: Outcome, rules: Rules = RULES) -> Settlement:
    """Decide how an attempt ends, as a worker or a rescuer would."""
    return settle(claim, outcome, claim.job.started_at or 0, Half(), rules)


async def end(
    engine: Roles, claim: Claim, outcome: Outcome, *, worker: str = "w1", rules: Rules = RULES
) -> bool:
    """End an attempt and return whether the store accepted it."""
    answer = await engine.consumer.exchange(worker, [ending(claim, outcome, rules)], None)
    return not answer.refused


async def rescue(engine: Roles, claim: Claim) -> bool:
    """Take a claim back as a rescuer does, and return whether the store accepted it."""
    return await end(engine, claim, Crashed("worker w1 is gone"), worker="rescuer")


async def look(engine: Roles, job_id: str) -> Job:
    """Return one job by its id."""
    (job,) = await engine.inspector.get([job_id])
    return job


async def everything(engine: Roles) -> tuple[Job, ...]:
    """Return every job of a small store, newest first."""
    return (await engine.inspector.find(Filter(), 1000)).jobs


async def recorded(engine: Roles, **fields: Any) -> str:
    """Enqueue a job and make a dead letter of it, with a step and an error."""
    job_id = await add(engine, **fields)
    claim = await one(engine)
    assert claim.job.id == job_id
    await engine.consumer.record_step(claim, "charge", b"1")
    assert await end(engine, claim, Discarded("no use"))
    return job_id


async def records(engine: Roles, job_id: str) -> tuple[int, int]:
    """Return how many errors and steps are kept of a job."""
    return len(await engine.inspector.errors(job_id)), len(await engine.inspector.steps(job_id))


async def kill(engine: Roles, **fields: Any) -> str:
    """Enqueue a job and make a dead letter of it; nothing else may be claimable."""
    job_id = await add(engine, **fields)
    claim = await one(engine)
    assert claim.job.id == job_id
    assert await end(engine, claim, Discarded("no use"))
    return job_id
