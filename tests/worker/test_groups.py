"""Errors that would break their judge, and groups of them, end their own attempt and no slot."""

from __future__ import annotations

from typing import Any, cast

import pytest

from dutiful import App, Cancel, Context, Discard, Retry, Snooze
from dutiful.core.retry import RetryPolicy
from dutiful.testing import harness
from tests.unit.worker.test_failure import HOSTILE, Dumps
from tests.worker.support import burst, ended, errors, serving, stored

BROKEN = RetryPolicy(max_attempts=1, on=cast(Any, ["no", "types"]))


@pytest.mark.parametrize("kind", ["sync", "async"])
async def test_no_hostile_end_of_an_attempt_costs_a_slot(sqlite: App, kind: str) -> None:
    def body(number: int) -> Any:
        if number >= 2 * len(HOSTILE):
            return Dumps()
        if number % 2:
            return HOSTILE[number // 2]()
        raise HOSTILE[number // 2]()

    async def on_loop(number: int) -> Any:
        return body(number)

    once = Retry(max_attempts=1)
    hostile = sqlite.task(name="hostile", retry=once)(body if kind == "sync" else on_loop)

    @sqlite.task(retry=once)
    def neighbour() -> str:
        return "well"

    bad = [await hostile.aenqueue(number) for number in range(2 * len(HOSTILE) + 1)]
    good = [await neighbour.aenqueue() for _ in range(5)]
    async with serving(sqlite, concurrency=2):
        for handle in good:
            assert await handle.aresult(timeout=60) == "well"
        for handle in bad:
            job = await ended(sqlite, handle.id)
            assert job.state.word in ("dead", "cancelled")
            assert len(await errors(sqlite, handle.id)) == (job.state.word == "dead")


def test_a_broken_policy_neither_hangs_a_run_nor_hides_the_error() -> None:
    app = App("memory://")

    @app.task
    def fails() -> None:
        raise ConnectionError("away")

    fails.spec = fails.spec.__class__(name="fails", isolation="thread", retry=BROKEN)
    with harness(app) as jobs:
        handle = fails.using(max_attempts=1).enqueue()
        jobs.run_due(raise_on_death=False)
        assert handle.status() == "dead"
        assert "ConnectionError: away" in (jobs.died[0].error or AssertionError()).traceback


@pytest.mark.parametrize(
    ("inside", "state", "attempt", "kept"),
    [
        ([Discard("gone"), ValueError("x")], "dead", 1, 1),
        ([Cancel("no"), ValueError("x")], "cancelled", 1, 1),
        ([Snooze("1h")], "waiting", 0, 0),
        ([Retry(after="1h")], "scheduled", 1, 1),
        ([ValueError("x"), Snooze("1h")], "scheduled", 1, 1),
    ],
    ids=str,
)
@pytest.mark.parametrize("kind", ["sync", "async"])
async def test_signals_in_a_group(
    app: App, kind: str, inside: list[Exception], state: str, attempt: int, kept: int
) -> None:
    def body(ctx: Context) -> None:
        raise ExceptionGroup("several", inside)

    async def on_loop(ctx: Context) -> None:
        body(ctx)

    task = app.task(name="several")(body if kind == "sync" else on_loop)
    handle = await task.aenqueue()
    await burst(app)
    job = await stored(app, handle.id)
    assert (job.state.word, job.attempt) == (state, attempt)
    assert len(await errors(app, handle.id)) == kept
