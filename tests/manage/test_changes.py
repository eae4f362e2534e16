"""Calls that change many jobs: by ids, by filters, or explicitly all, in batches."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from dutiful import App, BadOption, JobNotFound, Unsupported
from dutiful.contract.capability import Capability
from dutiful.manage.bulk import BulkResult
from tests.manage.conftest import run_all
from tests.manage.test_jobs import fill

CALLS: dict[str, Callable[[App], Callable[..., Awaitable[BulkResult]]]] = {
    "cancel": lambda app: app.jobs.acancel,
    "run_now": lambda app: app.jobs.arun_now,
    "redrive": lambda app: app.dead.aredrive,
    "purge": lambda app: app.dead.apurge,
}


async def states(app: App) -> dict[str, int]:
    """Count the jobs of all queues by state."""
    found: dict[str, int] = {}
    for queue in await app.queues.alist():
        for state, count in queue.counts.items():
            if count:
                found[state] = found.get(state, 0) + count
    return found


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize(
    "given",
    [
        {},
        {"queue": None},
        {"unreadable": False},
        {"tag": None, "task": None, "limit": 5},
        {"dry_run": True},
    ],
)
async def test_a_call_that_names_no_jobs_is_refused(name: str, given: dict[str, Any]) -> None:
    async with App("memory://") as app:
        with pytest.raises(BadOption, match=rf"{name}\(\) names no jobs; .* or all=True if you"):
            await CALLS[name](app)(**given)
        assert (await CALLS[name](app)([])).matched == 0
        assert (await CALLS[name](app)(all=True)).matched == 0


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"ids": ["x"], "all": True}, "only one of the three"),
        ({"ids": "x", "queue": "mail"}, "only one of the three"),
        ({"all": True, "task": "mail"}, "only one of the three"),
        ({"all": 1}, "all=1; give True or False"),
        ({"all": True, "limit": 0}, "limit=0; use 1 or more"),
        ({"all": True, "limit": True}, "limit=True"),
        ({"all": True, "rate": 0}, "rate=0; use one a day"),
        ({"all": True, "rate": float("nan")}, "rate=nan"),
        ({"all": True, "rate": "5/s"}, "rate='5/s'; give jobs a second"),
        ({"all": True, "dry_run": "no"}, "dry_run='no'; give True or False"),
        ({"all": True, "progress": "bar"}, "progress='bar'; give a function"),
        ({"all": True, "stop": True}, "stop=True; give an asyncio.Event"),
        ({"ids": 5}, "ids=5; give an id, or a list of ids"),
        ({"ids": [5]}, "job id 5 must be text"),
        ({"ids": b"x"}, "job id 120 must be text"),
        ({"queue": []}, "queue: .* names none"),
        ({"state": "succeeded"}, r"changes no succeeded jobs, only"),
        ({"queues": "x"}, "no option 'queues'; did you mean queue"),
    ],
)
async def test_wrong_input_is_refused(name: str, given: dict[str, Any], said: str) -> None:
    async with App("memory://") as app:
        with pytest.raises(BadOption, match=said):
            await CALLS[name](app)(**given)


async def test_cancel_by_filter_ids_and_all(app: App) -> None:
    ids = await fill(app, 450)
    other = (await app.tasks["later"].aenqueue()).id
    counted = await app.jobs.acancel(queue="mail", dry_run=True)
    assert (counted.matched, counted.changed) == (450, 0)
    assert await states(app) == {"queued": 451}
    few = await app.jobs.acancel(queue="mail", limit=10)
    assert (few.matched, few.changed, few.left) == (10, 10, 0)
    assert [job.id for job in await app.jobs.alist(state="cancelled")] == ids[:10]
    told: list[BulkResult] = []
    rest = await app.jobs.acancel(task="mail", progress=told.append)
    assert (rest.matched, rest.changed, rest.stopped) == (440, 440, False)
    assert [one.matched for one in told] == [200, 400, 440]
    assert await states(app) == {"cancelled": 450, "queued": 1}
    again = await app.jobs.acancel([other, ids[0], other])
    assert (again.matched, again.changed, again.left) == (2, 1, 1)
    assert (await app.jobs.acancel(all=True)).matched == 0


async def test_an_id_that_is_not_there_changes_nothing(app: App) -> None:
    (first,) = await fill(app, 1)
    with pytest.raises(JobNotFound, match="no job nobody-knows"):
        await app.jobs.acancel([first, "nobody-knows"])
    assert (await app.jobs.aget(first)).state == "queued"
    assert (await app.jobs.acancel(first[:30])).changed == 1


async def test_a_sweep_stops_between_two_batches(app: App) -> None:
    await fill(app, 450)
    stop = asyncio.Event()
    result = await app.jobs.acancel(all=True, stop=stop, progress=lambda _: stop.set())
    assert (result.changed, result.stopped) == (200, True)
    assert await states(app) == {"cancelled": 200, "queued": 250}

    def fail(_: BulkResult) -> None:
        raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        await app.jobs.acancel(all=True, progress=fail)
    assert await states(app) == {"cancelled": 400, "queued": 50}
    stop.clear()
    one_done = asyncio.Event()
    pausing = asyncio.create_task(
        app.jobs.acancel(all=True, rate=1 / 3600, stop=stop, progress=lambda _: one_done.set())
    )
    await one_done.wait()
    stop.set()  # while it waits an hour for the second job
    assert await asyncio.wait_for(pausing, 30) == BulkResult(matched=1, changed=1, stopped=True)


async def test_a_rate_is_kept(app: App) -> None:
    await fill(app, 20)
    loop = asyncio.get_running_loop()
    begun, told = loop.time(), list[BulkResult]()
    result = await app.jobs.acancel(all=True, rate=20, progress=told.append)
    assert result.changed == 20
    assert loop.time() - begun >= 16 / 20 - 0.05
    assert [one.matched for one in told] == [4, 8, 12, 16, 20]


async def test_jobs_run_now(app: App) -> None:
    later = await fill(app, 3, delay="1h")
    await app.tasks["later"].aenqueue()
    await run_all(app)  # one fails, and is to be tried again in an hour
    assert await states(app) == {"scheduled": 4}
    assert (await app.jobs.arun_now(later[0])).changed == 1
    assert (await app.jobs.arun_now(task=["mail", "later"])).changed == 3
    assert (await app.jobs.arun_now(later)).left == 3
    await run_all(app)
    assert await states(app) == {"succeeded": 3, "dead": 1}


async def test_retry_does_what_a_state_allows(app: App) -> None:
    mail, charge = app.tasks["mail"], app.tasks["charge"]
    done, dead = await mail.aenqueue("a"), await charge.using(unique="u").aenqueue(1)
    await run_all(app)
    queued, scheduled = await mail.aenqueue("b"), await mail.using(delay="1h").aenqueue("c")
    cancelled = await mail.aenqueue("d")
    await cancelled.acancel()
    ids = [one.id for one in (done, dead, queued, scheduled, cancelled)]
    answers = await app.jobs.aretry(ids)
    assert [(one.job.id, one.job.state, one.done, one.why) for one in answers] == [
        (done.id, "succeeded", "nothing", "succeeded"),
        (dead.id, "dead", "redriven", None),
        (queued.id, "queued", "nothing", "ready"),
        (scheduled.id, "scheduled", "run_now", None),
        (cancelled.id, "cancelled", "redriven", None),
    ]
    await run_all(app)
    await charge.using(unique="u", delay="1h").aenqueue(2)
    (answer,) = await app.jobs.aretry(dead.id)
    assert (answer.done, answer.why, answer.job.unique_key) == ("nothing", "unique", "u")
    with pytest.raises(BadOption, match="names no jobs"):
        await app.jobs.aretry(None)
    with pytest.raises(JobNotFound):
        await app.jobs.aretry("nobody-knows")


async def test_what_an_engine_cannot_do_is_refused_before_any_io(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    app = App("memory://")
    engine = app.store.engine
    lacks = {Capability.CANCEL, Capability.REDRIVE, Capability.PURGE, Capability.PAUSE}
    few = engine.capabilities - lacks - {Capability.DELAY, Capability.SCHEDULES}
    monkeypatch.setattr(type(engine), "capabilities", few)
    calls = [*CALLS.values(), lambda app: app.queues.apause, lambda app: app.queues.aresume]
    for call in calls:
        with pytest.raises(Unsupported, match="the memory engine cannot"):
            await call(app)("some-job")
    with pytest.raises(Unsupported, match="keep schedules"):
        await app.schedules.alist()
    monkeypatch.setattr(type(engine), "capabilities", few - {Capability.INSPECT})
    for look in (app.jobs.alist, app.dead.agroups, app.queues.alist, app.jobs.acount):
        with pytest.raises(Unsupported, match="list and look up jobs"):
            await look()
    assert not app.opened


async def test_an_engine_that_lists_nothing_cancels_by_full_ids(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with App("memory://") as app:

        @app.task
        def mail(to: str) -> None: ...

        ids = await fill(app, 5)
        engine = type(app.store.engine)
        monkeypatch.setattr(engine, "capabilities", engine.capabilities - {Capability.INSPECT})
        told: list[BulkResult] = []
        result = await app.jobs.acancel([*ids[:2], "nobody"], rate=10, progress=told.append)
        assert (result.matched, result.changed) == (3, 2)
        assert [one.matched for one in told] == [2, 3]
        assert (await app.jobs.acancel(ids, dry_run=True)).matched == 5
        assert (await app.dead.apurge(ids)).changed == 2
        with pytest.raises(Unsupported, match="list and look up jobs"):
            await app.jobs.acancel(all=True)


def test_sync_calls_change_the_same(sync_app: App) -> None:
    app = sync_app
    app.enqueue_many(app.tasks["mail"].using(delay="1h").job(str(each)) for each in range(5))
    assert app.jobs.run_now(limit=2, task="mail").changed == 2
    (one,) = app.jobs.list(state="queued", limit=1)
    assert app.jobs.retry(one.id)[0].why == "ready"
    assert app.jobs.cancel(one.id).changed == 1
    assert app.jobs.cancel(all=True, rate=1000).changed == 4
    assert app.dead.redrive(all=True).matched == 0
    assert app.dead.purge([one.id]).changed == 1


async def test_calls_at_the_same_time_change_each_job_once(app: App) -> None:
    await fill(app, 900)
    results = await asyncio.gather(*(app.jobs.acancel(all=True) for _ in range(4)))
    assert sum(result.changed for result in results) == 900
    assert await states(app) == {"cancelled": 900}


async def test_jobs_that_run_meanwhile_end_one_way_or_the_other(app: App) -> None:
    await fill(app, 600)
    async with asyncio.timeout(60):
        (result, *_) = await asyncio.gather(
            app.jobs.acancel(queue="mail", rate=2000), run_all(app), run_all(app)
        )
    assert result.matched <= 600
    await run_all(app)
    found = await states(app)
    assert set(found) <= {"succeeded", "cancelled"}
    assert sum(found.values()) == 600
