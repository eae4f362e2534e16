"""An end of an attempt that the store refuses to hold costs that attempt, not the worker."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from dutiful import App, BadOption, BadPayload, EngineError, Retry, Snooze
from dutiful.core.event import OutcomeRefused
from dutiful.core.instant import SECOND
from dutiful.core.retry import RetryPolicy
from dutiful.core.settle import Settlement
from dutiful.core.state import State
from tests.until import until
from tests.worker.support import Events, ended, errors, serving, stored

Bad = Callable[[Settlement], bool]


class Refusing:
    """Refuses whatever is bad among an app's settlements, and with it all that is sent along."""

    def __init__(self, app: App, patch: pytest.MonkeyPatch, error: Exception, bad: Bad) -> None:
        self._engine: Any = app.store.engine
        self._exchange = self._engine.consumer.exchange
        self._error, self._bad = error, bad
        patch.setattr(self._engine.consumer, "exchange", self.exchange)

    async def exchange(self, worker: str, settlements: Sequence[Settlement], wanted: Any) -> Any:
        if any(map(self._bad, settlements)):
            raise self._error
        return await self._exchange(worker, settlements, wanted)


@pytest.mark.parametrize(
    "error",
    [
        OverflowError("int too large"),
        UnicodeEncodeError("utf-8", "x", 0, 1, "surrogates"),
        BadPayload("exchange: NUL"),
        BadOption("64 bits"),
        EngineError("SQLite refused a statement: string or blob too big"),
        RuntimeError("unforeseen \0 \ud800"),
    ],
    ids=lambda error: type(error).__name__,
)
@pytest.mark.parametrize("how", ["succeeds", "fails", "snoozes"])
async def test_the_guilty_attempt_fails_alone(
    app: App, monkeypatch: pytest.MonkeyPatch, error: Exception, how: str
) -> None:
    events = Events(app)

    @app.task(retry=Retry(max_attempts=2, delay=0))
    async def guilty() -> str:
        if how == "snoozes":
            raise Snooze("1h")
        if how == "fails":
            raise ValueError("x")
        return "result"

    @app.task
    async def neighbour(number: int) -> int:
        return number

    handle = await guilty.aenqueue()
    Refusing(
        app,
        monkeypatch,
        error,
        lambda item: (
            item.claim.job.id == handle.id
            and (item.error is None or item.error.type == "ValueError")
        ),
    )
    good = [await neighbour.aenqueue(number) for number in range(30)]
    async with serving(app, concurrency=8):
        for number, other in enumerate(good):
            assert await other.aresult(timeout=60) == number
            assert (await stored(app, other.id)).attempt == 1
        await until(lambda: events.of(OutcomeRefused))
        if how == "succeeds":
            job = await ended(app, handle.id)
            assert (job.state, job.reason, job.attempt) == (State.DEAD, "discarded", 1)
        last = (await errors(app, handle.id))[-1]
    assert last.type == "OutcomeRefused"
    assert f"ended: {type(error).__name__}" in last.message
    assert events.of(OutcomeRefused)[0].job_id == handle.id


async def test_one_that_cannot_be_written_at_all_holds_up_nobody(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    @app.task
    async def guilty() -> None: ...

    @app.task
    def neighbour(number: int) -> int:
        return number

    handle = await guilty.aenqueue()
    Refusing(app, monkeypatch, RuntimeError("no"), lambda item: item.claim.job.id == handle.id)
    async with serving(app, concurrency=1):
        for number in range(5):
            assert await (await neighbour.aenqueue(number)).aresult(timeout=60) == number
    assert (await stored(app, handle.id)).state is State.RUNNING  # its rescue will tell


async def test_a_policy_that_cannot_be_worked_out_costs_its_own_attempt(app: App) -> None:
    @app.task
    async def guilty() -> None:
        raise ValueError("x")

    @app.task
    def neighbour(number: int) -> int:
        return number

    broken = RetryPolicy(delay=10**400, backoff="fixed")
    guilty.spec = type(guilty.spec)(name="guilty", isolation="loop", retry=broken)
    handle = await guilty.aenqueue()
    async with serving(app, concurrency=1, poll=SECOND):
        assert await (await neighbour.aenqueue(1)).aresult(timeout=60) == 1
        job = await stored(app, handle.id)
    assert (job.state, job.attempt) == (State.SCHEDULED, 1)
    assert "cannot be decided" in (await errors(app, handle.id))[0].message
