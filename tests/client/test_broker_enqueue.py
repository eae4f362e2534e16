"""Enqueueing on a broker: batches in parts, partial failures, lost replies, and bounds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from dutiful import App
from dutiful.core.errors import (
    BadOption,
    EngineUnavailable,
    PartlyEnqueued,
    PayloadTooLarge,
    ReplyUnknown,
    Unsupported,
)
from dutiful.core.event import Enqueued
from dutiful.core.instant import DAY, MINUTE
from dutiful.core.job import NewJob
from dutiful.testing.broker import BrokerQueues, PoorBroker
from dutiful.testing.broker_faults import BrokerFault
from tests.worker.support import Events


@pytest.fixture
def queues() -> BrokerQueues:
    return BrokerQueues()


@pytest.fixture
def app(queues: BrokerQueues) -> App:
    made = App(engine=PoorBroker(queues), enqueue_patience="2s")

    @made.task
    def work(text: str) -> None: ...

    return made


def built(app: App, count: int) -> list[NewJob]:
    return [app.tasks["work"].job(str(number)) for number in range(count)]


def ids(queues: BrokerQueues) -> list[str]:
    return [message.body.id for message in queues.messages.values()]


async def test_a_long_batch_is_sent_in_parts(app: App, queues: BrokerQueues) -> None:
    events = Events(app)
    jobs = built(app, 37)
    receipts = await app.aenqueue_jobs(jobs)
    assert [receipt.id for receipt in receipts] == [job.id for job in jobs] == ids(queues)
    assert events == [Enqueued(37, 0)]
    assert await app.aenqueue_many(built(app, 25)) == 25


def test_sync_code_enqueues_through_a_thread(app: App, queues: BrokerQueues) -> None:
    handle = app.tasks["work"].enqueue("x")
    assert app.enqueue_many(built(app, 12)) == 12
    assert len(ids(queues)) == 13
    assert handle.created
    app.portal.close()


async def test_only_what_failed_of_a_batch_is_sent_again(app: App, queues: BrokerQueues) -> None:
    queues.faults.scripted[BrokerFault.ENTRY] = 3
    jobs = built(app, 24)
    receipts = await app.aenqueue_jobs(jobs)
    assert [receipt.id for receipt in receipts] == [job.id for job in jobs]
    assert sorted(ids(queues)) == sorted(job.id for job in jobs)


async def test_when_patience_ends_the_caller_learns_what_was_stored(
    app: App, queues: BrokerQueues
) -> None:
    queues.faults.scripted[BrokerFault.ENTRY] = 2
    jobs = built(app, 24)
    with pytest.raises(PartlyEnqueued, match="2 of 24 jobs were not stored") as caught:
        await app.aenqueue_jobs(jobs, patience=0)
    assert sorted(caught.value.stored) == sorted(ids(queues))
    assert set(caught.value.failed) == {job.id for job in jobs[:2]}


async def test_an_outage_in_the_middle_repeats_only_the_rest(
    app: App, queues: BrokerQueues, monkeypatch: pytest.MonkeyPatch
) -> None:
    _fail_call(monkeypatch, queues, BrokerFault.UNAVAILABLE, 2)
    jobs = built(app, 24)
    await app.aenqueue_jobs(jobs)
    assert sorted(ids(queues)) == sorted(job.id for job in jobs)


async def test_an_outage_that_stays_leaves_a_partial_batch(
    app: App, queues: BrokerQueues, monkeypatch: pytest.MonkeyPatch
) -> None:
    events = Events(app)
    _fail_call(monkeypatch, queues, BrokerFault.UNAVAILABLE, 2)
    jobs = built(app, 24)
    with pytest.raises(PartlyEnqueued) as caught:
        await app.aenqueue_jobs(jobs, patience=0)
    assert list(caught.value.stored) == [job.id for job in jobs[:10]] == ids(queues)
    assert list(caught.value.failed) == [job.id for job in jobs[10:]]
    assert events == [Enqueued(10, 0)]


async def test_an_outage_before_the_first_job_is_an_outage(app: App, queues: BrokerQueues) -> None:
    queues.faults.rates[BrokerFault.UNAVAILABLE] = 1.0
    with pytest.raises(EngineUnavailable):
        await app.aenqueue_jobs(built(app, 24), patience=0)
    queues.faults.rates.clear()
    queues.faults.scripted[BrokerFault.UNAVAILABLE] = 1
    await app.aenqueue_jobs(built(app, 2))
    assert len(ids(queues)) == 2


@pytest.mark.parametrize(("count", "which"), [(1, "the job may be"), (3, "3 of 3 jobs may be")])
async def test_a_lost_reply_is_the_callers_to_decide(
    count: int, which: str, app: App, queues: BrokerQueues
) -> None:
    """The broker stores twice what is sent twice, so nothing is repeated here."""
    queues.faults.scripted[BrokerFault.LOST_REPLY] = 1
    with pytest.raises(ReplyUnknown, match="the broker engine would store a job twice") as caught:
        await app.aenqueue_many(built(app, count))
    assert which in str(caught.value)
    assert len(ids(queues)) == count


async def test_a_reply_lost_in_the_middle_names_the_other_jobs(
    app: App, queues: BrokerQueues, monkeypatch: pytest.MonkeyPatch
) -> None:
    _fail_call(monkeypatch, queues, BrokerFault.LOST_REPLY, 2)
    jobs = built(app, 24)
    with pytest.raises(ReplyUnknown, match="10 of 24 jobs may be stored or not") as caught:
        await app.aenqueue_jobs(jobs)
    others = caught.value.__cause__
    assert isinstance(others, PartlyEnqueued)
    assert list(others.stored) == [job.id for job in jobs[:10]]
    assert list(others.failed) == [job.id for job in jobs[20:]]


@pytest.mark.parametrize(
    ("options", "error", "advice"),
    [
        ({"delay": "16m"}, BadOption, "delays a job by 15m at most; enqueue it later"),
        ({"priority": 1}, Unsupported, "use a queue of its own for urgent jobs"),
        ({"unique": "k"}, Unsupported, "enqueue it without unique="),
        ({"expires_in": "1h"}, Unsupported, "check the age in the task"),
    ],
)
async def test_what_the_broker_cannot_store_is_refused_before_any_io(
    options: dict[str, Any], error: type[Exception], advice: str, app: App, queues: BrokerQueues
) -> None:
    queues.faults.rates[BrokerFault.UNAVAILABLE] = 1.0  # which any I/O would meet
    work = app.tasks["work"]
    for call in (work.using(**options).aenqueue, _many(app, options)):
        with pytest.raises(error, match=advice):
            await call("x")
    assert ids(queues) == []


async def test_a_payload_above_the_bound_is_refused(app: App, queues: BrokerQueues) -> None:
    with pytest.raises(PayloadTooLarge, match="takes 65,536; store the data elsewhere"):
        await app.aenqueue_many([*built(app, 11), app.tasks["work"].job("x" * 70_000)])
    assert ids(queues) == []


async def test_an_instant_that_is_too_far_is_refused(app: App, queues: BrokerQueues) -> None:
    job = built(app, 1)[0]
    now = queues.clock.now()
    far = type(job)(**{**_fields(job), "run_at": now + 20 * MINUTE})
    near = type(job)(**{**_fields(job), "run_at": now + 10 * MINUTE})
    past = type(job)(**{**_fields(job), "run_at": now - DAY})
    with pytest.raises(BadOption, match="at most"):
        await app.aenqueue_jobs([far])
    assert len(await app.aenqueue_jobs([near, past])) == 2


def _fields(job: NewJob) -> dict[str, Any]:
    return {name: getattr(job, name) for name in job.__struct_fields__}


def _many(app: App, options: dict[str, Any]) -> Callable[[str], Any]:
    async def call(text: str) -> None:
        await app.aenqueue_many([app.tasks["work"].using(**options).job(text)])

    return call


def _fail_call(
    monkeypatch: pytest.MonkeyPatch, queues: BrokerQueues, fault: BrokerFault, number: int
) -> None:
    """Let a fault strike in one call to the broker, counted from 1."""
    calls = 0
    before = queues.before

    def counted() -> None:
        nonlocal calls
        calls += 1
        if calls == number:
            queues.faults.scripted[fault] = 1
        before()

    monkeypatch.setattr(queues, "before", counted)
