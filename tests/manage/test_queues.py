"""``app.queues`` and ``app.workers`` on every engine."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from dutiful import App, BadOption
from dutiful.core.queue import served
from tests.manage.conftest import run_all
from tests.worker.support import serving

STATES = ["scheduled", "queued", "running", "waiting", "succeeded", "dead", "cancelled"]


async def test_queues_are_counted(app: App) -> None:
    assert await app.queues.alist() == ()
    mail = app.tasks["mail"]
    await mail.aenqueue("a")
    await mail.aenqueue("b")
    await mail.using(delay="1h").aenqueue("c")
    await app.tasks["charge"].aenqueue(1)
    default, queue = await app.queues.alist()
    assert (default.name, queue.name) == ("default", "mail")
    assert list(queue.counts) == STATES
    assert (queue.counts["queued"], queue.counts["scheduled"], queue.counts["dead"]) == (2, 1, 0)
    assert (queue.ready, queue.due, queue.paused, queue.paused_at) == (2, 0, False, None)
    assert queue.oldest_queued_at is not None
    assert queue.oldest_queued_at.tzinfo is UTC


async def test_a_paused_queue_keeps_its_jobs(app: App) -> None:
    await app.tasks["mail"].aenqueue("a")
    done = await app.queues.apause("mail")
    assert (done.queue, done.paused, done.known, done.near) == ("mail", True, True, None)
    (queue,) = await app.queues.alist()
    assert queue.paused
    assert queue.paused_at is not None
    assert abs(queue.paused_at - datetime.now(UTC)) < timedelta(minutes=1)
    await run_all(app)
    assert await app.jobs.acount(state="queued") == 1
    assert not (await app.queues.aresume("mail")).paused
    await run_all(app)
    assert await app.jobs.acount(state="succeeded") == 1


async def test_a_name_that_nobody_uses_is_told(app: App) -> None:
    await app.tasks["mail"].aenqueue("a")
    done = await app.queues.apause("mial")
    assert (done.known, done.near) == (False, "mail")
    done = await app.queues.aresume("mial")  # which is paused, so it is known by now
    assert (done.known, done.near) == (True, None)
    assert (await app.queues.apause("quite-another")).near is None
    with pytest.raises(BadOption, match="queue name 'a b'; use 1 to 100 letters"):
        await app.queues.apause("a b")


async def test_workers_are_shown(app: App) -> None:
    assert await app.workers.alist() == ()
    async with serving(app, queues=served("mail,slow"), concurrency=3):
        await app.tasks["mail"].using(queue="slow").aenqueue("a")
        for _ in range(6000):
            if await app.workers.alist():
                break
            await asyncio.sleep(0.01)
        (worker,) = await app.workers.alist()
        assert (worker.queues, worker.slots) == (("mail", "slow"), 3)
        assert (worker.alive, worker.lost, worker.overdue) == (True, False, False)
        assert worker.joined_at.tzinfo is UTC
        assert worker.joined_at <= worker.renewed_at
        assert timedelta(0) <= worker.silent_for < worker.lease
        assert worker.stalled_for == timedelta(0)
        assert (worker.unreadable, worker.running) == (None, worker.running)
        assert (await app.queues.apause("slow")).known
    assert await app.workers.alist() == ()


def test_sync_calls_do_the_same(sync_app: App) -> None:
    sync_app.tasks["mail"].enqueue("a")
    assert sync_app.queues.pause("mail").known
    assert [queue.paused for queue in sync_app.queues.list()] == [True]
    assert not sync_app.queues.resume("mail").paused
    assert sync_app.workers.list() == ()
