"""A batch in parts on an engine that keeps unique rules: no error hides what became of a part."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest

from dutiful import App, DuplicateJob, EngineUnavailable, ReplyUnknown
from dutiful.contract.capability import Capability
from dutiful.contract.engine import Bounds
from dutiful.contract.roles.producer import Receipt
from dutiful.core.errors import PartlyEnqueued, StoreUnusable
from dutiful.core.event import Enqueued
from dutiful.core.job import NewJob
from dutiful.core.unique import unique
from dutiful.engines.memory import MemoryEngine
from tests.flat import Flat
from tests.worker.support import Events

Enqueue = Callable[..., Awaitable[tuple[Receipt, ...]]]


class TwoAtATime(Flat):
    """Keeps unique rules, takes two jobs in a call, and fails in the calls that are named."""

    capabilities = MemoryEngine.capabilities - {Capability.ATOMIC_BATCH}
    bounds = Bounds(batch=2)

    def __init__(self, failing: dict[int, Callable[[], Exception]] | None = None) -> None:
        super().__init__()
        self.failing = failing or {}
        self.calls = 0

    async def enqueue(self, jobs: Sequence[NewJob]) -> tuple[Receipt, ...]:
        return self.enqueue_sync(jobs)

    def enqueue_sync(self, jobs: Sequence[NewJob]) -> tuple[Receipt, ...]:
        self.calls += 1
        if (fails := self.failing.get(self.calls)) is not None:
            error = fails()
            if isinstance(error, ReplyUnknown | ValueError):
                super().enqueue_sync(jobs)
            raise error
        return super().enqueue_sync(jobs)


class Unbounded(TwoAtATime):
    """Takes a batch of any size, and stores it in part."""

    bounds = MemoryEngine.bounds


def app_on(engine: MemoryEngine) -> App:
    app = App(engine=engine, enqueue_patience="2s")
    app.task(name="work")(work)
    return app


def work(text: str) -> None: ...


def built(app: App, *keys: str, on_conflict: Any = "existing") -> list[NewJob]:
    """Build a job for each key, or without one for an empty key."""
    task = app.tasks["work"]
    rules = [unique(key, on_conflict=on_conflict) if key else None for key in keys]
    return [(task.using(unique=rule) if rule else task).job("x") for rule in rules]


@pytest.fixture(params=["sync", "async"])
def enqueue(request: pytest.FixtureRequest) -> Enqueue:
    async def call(app: App, jobs: list[NewJob], **options: Any) -> tuple[Receipt, ...]:
        if request.param == "async":
            return await app.aenqueue_jobs(jobs, **options)
        return await asyncio.to_thread(app.enqueue_jobs, jobs, **options)

    return call


@pytest.mark.parametrize("error", [EngineUnavailable, ReplyUnknown, ValueError])
async def test_a_second_try_keeps_the_receipts_of_the_first(
    error: type[Exception], enqueue: Enqueue
) -> None:
    engine = TwoAtATime({3: lambda: error("no")})
    app = app_on(engine)
    (holder,) = await app.aenqueue_jobs(built(app, "k"))
    jobs = built(app, "k", "", "k", "")
    events = Events(app)
    receipts = await enqueue(app, jobs)
    assert [one.created for one in receipts] == [False, True, False, True]
    assert [one.id for one in receipts] == [holder.id, jobs[1].id, holder.id, jobs[3].id]
    assert events == [Enqueued(1, 1), Enqueued(1, 1)]
    assert len(engine.tables.jobs) == 3


async def test_a_duplicate_in_a_later_part_names_what_is_stored(enqueue: Enqueue) -> None:
    engine = TwoAtATime()
    app = app_on(engine)
    await app.aenqueue_jobs(built(app, "taken"))
    jobs = [*built(app, "", ""), *built(app, "taken", "", on_conflict="raise"), *built(app, "")]
    events = Events(app)
    with pytest.raises(PartlyEnqueued, match="already holds the unique key 'taken'") as caught:
        await enqueue(app, jobs)
    assert isinstance(caught.value.__cause__, DuplicateJob)
    assert list(caught.value.stored) == [job.id for job in jobs[:2]]
    assert list(caught.value.failed) == [job.id for job in jobs[2:]]
    assert events == [Enqueued(2, 0)]
    assert engine.calls == 3  # another try would meet it again


async def test_a_duplicate_in_the_first_part_is_raised_as_it_is(enqueue: Enqueue) -> None:
    app = app_on(TwoAtATime())
    await app.aenqueue_jobs(built(app, "taken"))
    with pytest.raises(DuplicateJob):
        await enqueue(app, built(app, "taken", "", "", on_conflict="raise"))


async def test_a_duplicate_in_a_later_try_names_what_an_earlier_one_stored(
    enqueue: Enqueue,
) -> None:
    engine = TwoAtATime({2: lambda: EngineUnavailable("no")})
    app = app_on(engine)
    jobs = [*built(app, "", ""), *built(app, "k", "", on_conflict="raise")]
    # Another client takes the key between the two tries.
    engine.failing[3] = lambda: DuplicateJob("k", "other")
    with pytest.raises(PartlyEnqueued, match="already holds the unique key 'k'") as caught:
        await enqueue(app, jobs)
    assert list(caught.value.stored) == [job.id for job in jobs[:2]]
    assert list(caught.value.failed) == [job.id for job in jobs[2:]]


async def test_what_another_try_meets_again_ends_the_call(enqueue: Enqueue) -> None:
    engine = TwoAtATime({2: lambda: StoreUnusable("read-only")})
    app = app_on(engine)
    with pytest.raises(PartlyEnqueued, match="read-only"):
        await enqueue(app, built(app, "", "", ""))
    assert engine.calls == 2


async def test_an_error_that_is_not_ours_leaves_its_part_in_doubt(enqueue: Enqueue) -> None:
    engine = TwoAtATime({2: lambda: ValueError("a bug")})
    engine.capabilities = engine.capabilities - {Capability.IDEMPOTENT_ENQUEUE}
    app = app_on(engine)
    jobs = built(app, *[""] * 6)
    with pytest.raises(ReplyUnknown, match="a bug; of 6 jobs 2 may have been stored") as caught:
        await enqueue(app, jobs)
    others = caught.value.__cause__
    assert isinstance(others, PartlyEnqueued)
    assert list(others.stored) == [job.id for job in jobs[:2]]
    assert list(others.failed) == [job.id for job in jobs[4:]]


async def test_a_reply_that_stays_unknown_names_what_is_stored(enqueue: Enqueue) -> None:
    engine = TwoAtATime({2: lambda: ReplyUnknown("lost")})
    app = app_on(engine)
    jobs = built(app, *[""] * 6)
    with pytest.raises(ReplyUnknown) as caught:
        await enqueue(app, jobs, patience=0)
    others = caught.value.__cause__
    assert isinstance(others, PartlyEnqueued)
    assert list(others.stored) == [job.id for job in jobs[:2]]
    assert list(others.failed) == [job.id for job in jobs[4:]]


async def test_what_an_unbounded_engine_stores_in_part_is_announced(enqueue: Enqueue) -> None:
    engine = Unbounded()
    app = app_on(engine)
    jobs = built(app, *[""] * 3)
    ids = [job.id for job in jobs]
    held = {ids[0]: Receipt("holder", created=False)}
    engine.failing[1] = lambda: PartlyEnqueued(ids[:2], {ids[2]: "no"}, held)
    events = Events(app)
    with pytest.raises(PartlyEnqueued) as caught:
        await enqueue(app, jobs, patience=0)
    assert caught.value.receipts == {ids[0]: held[ids[0]], ids[1]: Receipt(ids[1])}
    assert events == [Enqueued(1, 1)]
