"""What is attached to one job is attached to no other."""

from __future__ import annotations

import itertools

from dutiful import App, Context
from dutiful.core.job import NewJob
from dutiful.testing import harness


def test_a_hook_that_changes_meta_in_place_changes_that_job_alone() -> None:
    app, count = App("memory://"), itertools.count(1)

    @app.on_enqueue
    def trace(job: NewJob) -> NewJob:
        job.meta.setdefault("trace", f"t{next(count)}")
        return job

    @app.task
    def plain() -> None: ...

    seen: list[dict[str, str]] = []

    @app.task
    async def noted(ctx: Context) -> None:  # on the loop, where jobs begin in their order
        seen.append(dict(ctx.meta))

    given = {"tenant": "acme"}
    shared = noted.using(meta=given)
    with harness(app) as jobs:
        for task in (noted, shared, shared, noted):
            task.enqueue()
        app.enqueue_many(noted.job() for _ in range(2))
        jobs.run_due()
    assert given == {"tenant": "acme"}
    assert [meta["trace"] for meta in seen] == ["t1", "t2", "t3", "t4", "t5", "t6"]
    assert [meta.get("tenant") for meta in seen] == [None, "acme", "acme", None, None, None]


def test_a_task_that_changes_its_meta_changes_no_other_jobs() -> None:
    app = App("memory://")
    seen: list[dict[str, str]] = []

    @app.task
    async def changes(ctx: Context) -> None:
        seen.append(dict(ctx.meta))
        ctx.meta["tenant"] = "acme"

    with harness(app) as jobs:
        changes.enqueue()
        changes.using(meta={"kind": "x"}).enqueue()
        changes.enqueue()
        jobs.run_due()
    assert seen == [{}, {"kind": "x"}, {}]


def test_a_clients_own_names_make_no_occurrence() -> None:
    app = App("memory://")
    seen: list[object] = []

    @app.task
    def looks(ctx: Context) -> None:
        seen.append(ctx.occurrence)

    with harness(app) as jobs:
        looks.using(meta={"schedule": "vip", "planned": "soon"}).enqueue()
        looks.using(meta={"schedule": "vip", "planned": "9" * 30}).enqueue()
        jobs.run_due()
    assert seen == [None, None]
