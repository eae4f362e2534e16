"""``app.dead`` on every engine: lists, groups, sending back with other arguments, deleting."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dutiful import App, BadOption, BadPayload, PayloadTooLarge, UnknownTask
from dutiful.manage.bulk import BulkResult
from tests.manage.conftest import run_all, shop
from tests.manage.test_changes import states


async def die(app: App, orders: int) -> list[str]:
    """Let jobs die, and return their ids, the newest first."""
    charge = app.tasks["charge"]
    jobs = [charge.job(number) for number in range(orders)]
    await app.aenqueue_many(jobs)
    await run_all(app)
    return [job.id for job in reversed(jobs)]


async def test_dead_letters_are_listed_with_their_errors(app: App) -> None:
    ids = await die(app, 3)
    await app.tasks["mail"].aenqueue("alive")
    page = await app.dead.alist(limit=2, with_errors=True)
    assert [job.id for job in page] == ids[:2]
    assert [job.latest_error and job.latest_error.message for job in page] == [
        "no card for order 2",
        "no card for order 1",
    ]
    (last,) = await app.dead.alist(after=page.next_cursor)
    assert (last.id, last.state, last.latest_error) == (ids[2], "dead", None)
    assert [job.id async for job in app.dead.aiterate(task="charge")] == ids
    hour = timedelta(hours=1)
    assert len(await app.dead.alist(finished_after=datetime.now(UTC) - hour)) == 3
    assert not await app.dead.alist(error_type="TimeoutError")
    with pytest.raises(BadOption, match="no option 'state'"):
        await app.dead.alist(state="queued")  # type: ignore[call-arg]  # untyped callers may


async def test_groups_count_by_task_reason_and_error(app: App) -> None:
    await die(app, 3)
    await app.tasks["never"].aenqueue()
    await run_all(app)
    groups = await app.dead.agroups()
    assert [(one.task, one.reason, one.error_type, one.count) for one in groups] == [
        ("charge", "attempts-spent", "ValueError", 3),
        ("never", "discarded", groups[1].error_type, 1),
    ]
    assert groups[0].message.startswith("no card for order ")
    assert groups[0].latest_at.tzinfo is UTC
    assert [one.task for one in await app.dead.agroups(reason="discarded")] == ["never"]
    assert [one.task for one in await app.dead.agroups(task=["charge", "x"])] == ["charge"]
    assert await app.dead.agroups(error_type="Nothing") == ()


async def test_a_redrive_gives_all_attempts_back(app: App) -> None:
    ids = await die(app, 3)
    result = await app.dead.aredrive(ids[0])
    assert (result.matched, result.changed, result.steps_dropped) == (1, 1, 0)
    job = await app.jobs.aget(ids[0])
    assert (job.state, job.attempt, job.meta["redriven"]) == ("queued", 0, "1")
    assert job.redriven_at is not None
    assert (await app.dead.aredrive(ids[0])).left == 1
    assert (await app.dead.aredrive(reason="attempts-spent", limit=1)).changed == 1
    assert (await app.dead.aredrive(all=True)).changed == 1
    assert await states(app) == {"queued": 3}


async def test_a_redrive_leaves_cancelled_jobs_alone(app: App) -> None:
    handle = await app.tasks["mail"].aenqueue("a")
    await handle.acancel()
    assert (await app.dead.aredrive([handle.id])).left == 1
    assert await states(app) == {"cancelled": 1}


async def test_arguments_are_changed_and_steps_dropped(app: App) -> None:
    ids = await die(app, 3)
    result = await app.dead.aredrive(ids[:2], changes={"order": 70})
    assert (result.changed, result.steps_dropped) == (2, 2)
    job = await app.jobs.aget(ids[0])
    assert (job.args, job.step_count) == ({"order": 70}, 0)
    kept = await app.dead.aredrive(ids[2], changes={"order": 71}, keep_steps=True)
    assert (kept.changed, kept.steps_dropped) == (1, 0)
    assert (await app.jobs.aget(ids[2])).step_count == 1


REFUSED: list[tuple[Mapping[str, Any], type[Exception], str]] = [
    ({"order": "seven"}, BadPayload, r"job .* \(charge\): .*order"),
    ({"card": 1}, BadPayload, r"the task is charge\("),
    ({"order.id": 1}, BadPayload, "has no parts, so 'id' cannot be set"),
    ({"order": float("nan")}, BadPayload, "the arguments cannot be stored: at"),
    ({"order": 2**70}, BadPayload, "does not fit in 64 bits"),
    ({"order": "x" * 300_000}, PayloadTooLarge, "the arguments would take 300,0"),
    ({"order": object()}, BadOption, "changes: the new value of order is not plain data"),
    ({"": 1}, BadOption, "changes: '' names no argument"),
    ({7: 1}, BadOption, "changes: 7 names no argument"),  # type: ignore[dict-item]  # untyped
    (["order=1"], BadOption, "changes=.*; give a dict"),  # type: ignore[list-item]  # untyped
]


@pytest.mark.parametrize(("changes", "error", "said"), REFUSED)
async def test_changes_that_do_not_fit_send_nothing_back(
    changes: Mapping[str, Any], error: type[Exception], said: str
) -> None:
    async with shop("memory://") as app:
        await die(app, 2)
        with pytest.raises(error, match=said):
            await app.dead.aredrive(all=True, changes=changes)
        with pytest.raises(error, match=said):
            await app.dead.aredrive(all=True, changes=changes, dry_run=True)
        assert await states(app) == {"dead": 2}


async def test_only_the_check_of_all_says_that_no_job_was_redriven() -> None:
    async with shop("memory://") as app:
        await die(app, 2)
        for changes, error, _ in REFUSED:
            if error is not BadOption:
                with pytest.raises(error) as refused:
                    await app.dead.aredrive(all=True, changes=changes)
                assert refused.value.__notes__ == ["no job was redriven"]


async def test_a_job_that_dies_after_the_check_and_does_not_fit_is_left(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    await die(app, 2)
    find, walks, told = app.store.inspector.find, list[int](), list[BulkResult]()

    async def find_later(*given: Any) -> Any:
        walks.append(1)
        if len(walks) == 2:  # the first was to check
            await app.tasks["never"].aenqueue()  # which takes no order
            await run_all(app)
        return await find(*given)

    monkeypatch.setattr(app.store.engine.inspector, "find", find_later)
    result = await app.dead.aredrive(all=True, changes={"order": 70}, progress=told.append)
    assert (result.matched, result.changed, result.left, result.steps_dropped) == (3, 2, 1, 2)
    assert told == [result]
    assert await states(app) == {"queued": 2, "dead": 1}
    (left,) = await app.dead.alist()
    assert left.task == "never"


async def test_an_app_without_tasks_checks_no_signature(url: str) -> None:
    if url == "memory://":
        return  # which no second app can reach
    async with shop(url) as app, App(url) as bare:
        other_id, job_id = await die(app, 2)
        assert (await bare.dead.aredrive(job_id, changes={"card": None})).changed == 1
        assert (await bare.jobs.aget(job_id)).args == {"order": 0, "card": None}

        @bare.task
        def other() -> None: ...

        with pytest.raises(UnknownTask, match="no task 'charge' to check the arguments by"):
            await bare.dead.aredrive(other_id, changes={"order": 1})
        with pytest.raises(UnknownTask, match=f"job {other_id}: .*; redrive it with the app that"):
            await bare.dead.aredrive(other_id, changes={"order": 1})


async def test_a_purge_deletes_for_good(app: App) -> None:
    ids = await die(app, 5)
    alive = await app.tasks["mail"].aenqueue("a")
    assert (await app.dead.apurge(task="charge", dry_run=True)).matched == 5
    assert (await app.dead.apurge(ids[:2])).changed == 2
    assert (await app.dead.apurge([alive.id])).left == 1
    result = await app.dead.apurge(all=True)
    assert (result.matched, result.changed) == (3, 3)
    assert await states(app) == {"queued": 1}


def test_sync_calls_do_the_same(sync_app: App) -> None:
    app = sync_app
    app.tasks["charge"].enqueue(1)
    app.tasks["charge"].enqueue(2)
    app.portal.run(run_all(app))
    assert len(app.dead.list()) == 2
    assert [job.args for job in app.dead.iterate()] == [{"order": 2}, {"order": 1}]
    (group,) = app.dead.groups(task="charge")
    assert group.count == 2
    changed = app.dead.redrive(limit=1, task="charge", changes={"order": 9}, keep_steps=True)
    assert changed.changed == 1
    assert app.dead.purge(all=True).changed == 1
    with pytest.raises(BadOption, match="names no jobs"):
        app.dead.purge()
