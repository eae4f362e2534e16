"""The harness on an engine that can do less than memory."""

from __future__ import annotations

import pytest

from dutiful import App, Context, JobFailed, Retry, Unsupported
from dutiful.core.state import State
from dutiful.testing import harness
from dutiful.testing.broker import BrokerQueues, PoorBroker


def broker(clock: object) -> PoorBroker:
    return PoorBroker(BrokerQueues(clock))  # type: ignore[arg-type]  # any clock will do


def test_jobs_run_and_are_retried_when_the_test_moves_the_clock() -> None:
    app = App()
    seen: list[int] = []

    @app.task(queue="mail", retry=Retry(delay="1m", jitter="none"))
    def send(ctx: Context) -> None:
        seen.append(ctx.attempt)
        if ctx.attempt == 1:
            raise ValueError("once")

    @app.task
    def many(number: int) -> None: ...

    with harness(app, engine=broker) as jobs:
        send.enqueue()
        app.enqueue_many(many.job(number) for number in range(23))
        assert jobs.run_due() == 24
        assert jobs.run_due() == 0
        jobs.clock.advance("2m")
        assert jobs.run_due() == 1
        assert seen == [1, 2]
        queues = jobs.store.engine.queues  # type: ignore[attr-defined]  # of the broker
        assert len(queues.ended) == 24
        assert {state for _, state in queues.ended} == {State.SUCCEEDED}


def test_a_death_is_raised() -> None:
    app = App()

    @app.task(retry=Retry(max_attempts=1))
    def fails() -> None:
        raise ValueError("no")

    with harness(app, engine=broker) as jobs:
        fails.enqueue()
        with pytest.raises(JobFailed, match="ValueError"):
            jobs.run_due()


def test_what_the_engine_cannot_do_is_refused_by_name() -> None:
    app = App()

    @app.task
    def work() -> None: ...

    with harness(app, engine=broker) as jobs:
        with pytest.raises(Unsupported, match=r"when its next job is due.*clock\.advance"):
            jobs.run_due(until="1h")
        with pytest.raises(Unsupported, match="keep schedules"):
            jobs.run_due(schedules=True)
        for look in (jobs.jobs, lambda: jobs.enqueued(work), lambda: jobs.assert_enqueued(work)):
            with pytest.raises(Unsupported, match="list and look up jobs"):
                look()
