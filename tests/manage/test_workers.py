"""Orders to workers on every engine: who is meant, and what is said when that is not clear."""

from __future__ import annotations

from datetime import timedelta

import pytest

from dutiful import App, BadOption, UnknownWorker
from dutiful.contract.roles.fleet import WorkerInfo
from dutiful.core.instant import SECOND
from dutiful.core.worker_report import ReportedJob, WorkerReport, encode_report
from tests.worker.support import serving


async def register(app: App, *names: str, host: str = "h1/boot/1") -> None:
    for name in names:
        await app.store.fleet.join(
            WorkerInfo(id=name, queues=("mail",), concurrency=4, lease=600 * SECOND, host=host)
        )


async def orders(app: App) -> dict[str, str | None]:
    return {worker.id: worker.ordered for worker in await app.workers.alist()}


async def test_an_order_is_for_those_whose_ids_are_given_or_begin_so(app: App) -> None:
    await register(app, "web-1-aa", "web-1-ab", "web-2-ff")
    done = await app.workers.aquiet("web-1-aa", "web-2")
    assert sorted(done.workers) == sorted(done.pending) == ["web-1-aa", "web-2-ff"]
    assert done.within == timedelta(seconds=4)
    assert await orders(app) == {"web-1-aa": "quiet", "web-1-ab": None, "web-2-ff": "quiet"}
    await app.workers.aresume("web-2")
    assert (await orders(app))["web-2-ff"] is None
    await app.workers.adrain(all=True)
    assert set((await orders(app)).values()) == {"drain"}


async def test_an_order_is_for_all_workers_of_a_host(app: App) -> None:
    await register(app, "a", "b")
    await register(app, "c", host="h2/boot/1")
    assert sorted((await app.workers.aquiet(host="h1")).workers) == ["a", "b"]
    assert (await app.workers.aquiet(host="h2/boot/1")).workers == ("c",)
    with pytest.raises(BadOption, match="no worker runs on host 'h3'"):
        await app.workers.aquiet(host="h3")


async def test_a_name_that_is_unknown_or_not_unique_orders_nobody(app: App) -> None:
    await register(app, "web-1-aa", "web-1-ab")
    with pytest.raises(UnknownWorker, match="several workers begin with 'web-1': web-1-aa, web"):
        await app.workers.adrain("web-1")
    with pytest.raises(UnknownWorker, match="called 'wbe-1-aa'; did you mean web-1-aa"):
        await app.workers.adrain("web-1-ab", "wbe-1-aa")
    with pytest.raises(UnknownWorker, match="called 'x'; see `dutiful workers list`"):
        await app.workers.adrain("x")
    for wrong in ({}, {"names": "web", "all": True}, {"host": "h1", "all": True}):
        given = {**wrong}
        names = [given.pop("names")] if "names" in given else []
        with pytest.raises(BadOption, match="exactly one of these"):
            await app.workers.aquiet(*names, **given)
    assert set((await orders(app)).values()) == {None}


async def test_a_lost_worker_is_not_meant(app: App) -> None:
    await register(app, "a", "b")
    await app.tasks["mail"].aenqueue("x")
    await app.store.fleet.expire(["a"])
    assert (await app.workers.aquiet(all=True)).workers == ("b",)
    with pytest.raises(UnknownWorker):
        await app.workers.aquiet("a")


async def test_a_wait_ends_when_the_worker_does_not_obey(app: App) -> None:
    await register(app, "old-release")
    done = await app.workers.aquiet("old-release", wait=0.1)
    assert done.pending == ("old-release",)


async def test_a_report_is_shown_in_the_record(app: App) -> None:
    await register(app, "a")
    report = WorkerReport(
        state="hung",
        reason="it sleeps",
        hung_for=2 * SECOND,
        slots=4,
        in_use=1,
        running=(ReportedJob(id="j1", task="mail", started_at=0),),
        rss_mb=12.5,
    )
    leases = app.store.leases
    assert leases is not None
    await leases.renew("a", report=encode_report(report))
    (worker,) = await app.workers.alist()
    assert worker.state == "hung"
    assert worker.report is not None
    assert (worker.report.reason, worker.report.slots_in_use) == ("it sleeps", 1)
    assert worker.report.hung_for == timedelta(seconds=2)
    (job,) = worker.report.running
    assert (job.id, job.task) == ("j1", "mail")
    assert job.started_at is not None
    assert job.started_at.year == 1970


def test_a_sync_order_does_the_same(sync_app: App) -> None:
    sync_app.tasks["mail"].enqueue("x")
    with pytest.raises(UnknownWorker):
        sync_app.workers.quiet("nobody")
    assert sync_app.workers.resume(all=True).workers == ()
    assert sync_app.workers.drain(all=True).workers == ()


async def test_check_names_a_worker_that_hangs_and_queues_of_quiet_ones(app: App) -> None:
    await app.tasks["mail"].aenqueue("x")
    await register(app, "a")
    leases = app.store.leases
    assert leases is not None
    quiet = encode_report(WorkerReport(state="quiet"))
    await leases.renew("a", report=quiet)
    found = {one.name: one for one in await app.store.check()}
    assert (found["workers"].ok, found["queues"].ok) == (True, False)
    assert "resume one: `dutiful workers resume a`" in found["queues"].text
    await leases.renew("a", report=encode_report(WorkerReport(state="hung", reason="why")))
    found = {one.name: one for one in await app.store.check()}
    assert not found["workers"].ok
    assert "1 hung" in found["workers"].text
    assert "restart it" in found["workers"].text
    refused = WorkerReport(state="serving", outage_for=9 * SECOND)
    await leases.renew("a", report=encode_report(refused))
    found = {one.name: one for one in await app.store.check()}
    assert not found["workers"].ok
    assert "1 unable to use the store" in found["workers"].text


async def test_a_worker_that_serves_is_no_finding(app: App) -> None:
    async with serving(app):
        await app.tasks["charge"].aenqueue(1)
        found = {one.name: one for one in await app.store.check()}
        assert found["workers"].ok
