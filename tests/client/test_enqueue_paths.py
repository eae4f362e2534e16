"""What a person writes of the wrong kind is refused in words, where it is written."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from dutiful import App, Backfill, BadOption, Calendar, Cron, Interval, UsageError
from dutiful.client.options import unique_rule
from dutiful.core.queue import Served, served
from dutiful.testing import harness
from dutiful.testing.clock import FakeClock
from dutiful.worker.options import WorkerOptions

ANY = SimpleNamespace(App=App, Backfill=Backfill, Calendar=Calendar, Cron=Cron, FakeClock=FakeClock)
"""The same without their types, to be given what is wrong on purpose."""
unique: Any = unique_rule
END = datetime.max.replace(tzinfo=UTC)


def task(**options: Any) -> Callable[[], Any]:
    return lambda: App("memory://").task(**options)(lambda_free)


def lambda_free() -> None: ...


def every(period: Any = "1m", **options: Any) -> Callable[[], Any]:
    app = App("memory://")
    return lambda: app.every(period, **options)(app.task(lambda_free))


TASKS = [
    (task(name=5), "task name 5 must be text"),
    (task(name="a\nb"), "task name .* holds"),
    (task(name="n" * 201), "use at most 200"),
    (task(name=""), "needs a name"),
    (task(cpu="yes"), "cpu='yes'"),
    (task(retry=0), "retry=0; write retry=Retry"),
    (task(retry=5), "retry=5; write retry=Retry"),
    (task(timeout=timedelta.max), "timeout: .* longer than a century"),
    (task(timeout=True), "timeout: True is not a length"),
    (task(hard_timeout=1e300), "hard_timeout: .* longer than a century"),
    (task(timeout=0), "timeout=0; use a time above 0"),
    (task(priority=1.0), "priority=1.0; use a whole number"),
    (task(queue=None), "queue name None"),
    (task(tags="x"), "give a list"),
    (task(expires_in="x"), "expires_in: 'x' is not a length"),
    (task(unique=5), "unique needs a key"),
    (lambda: ANY.App("memory://").task(5), "takes a function, not 5"),
]

SCHEDULES = [
    (every(timedelta.max), "longer than a century"),
    (every(0), "longer than zero"),
    (every(True), "not a length of time"),
    (every("1us"), "the shortest period is 1ms"),
    (every(anchor="2026-01-01"), "anchor: '2026-01-01' is not a datetime"),
    (every(anchor=date(2026, 1, 1)), "anchor: .* is not a datetime"),
    (every(anchor=END), "anchor: .* years 1000 to 8999"),
    (every(args=5), r"args=5; write a tuple, such as args=\(5,\)"),
    (every(args="x"), r"args='x'; write a tuple, such as args=\('x',\)"),
    (every(args=(1,)), "too many positional arguments"),
    (every(args={5: 1}), "must be strings|unexpected"),
    (every(name=5), "schedule name 5"),
    (every(start="2026-01-01"), "start: '2026-01-01' is not a datetime"),
    (every(end=END), "end: .* years 1000 to 8999"),
    (every(exclude=5), "exclude=5; give dates"),
    (every(exclude=[datetime(2026, 1, 1, tzinfo=UTC)]), "exclude=datetime"),
    (every(jitter=timedelta.max), "jitter: .* longer than a century"),
    (every(late_after="x"), "late_after: 'x' is not a length"),
    (every(misfire_window=-1), "misfire_window: -1 is a negative"),
    (every(start_within=1e300), "start_within: .* longer than a century"),
    (every(finish_within=True), "finish_within: True is not a length"),
    (every(misfire="never"), "misfire='never'; choose"),
    (every(overlap=["skip"]), r"overlap=\['skip'\]; choose"),
    (every(misfire_max=True), "misfire_max=True; use 1 to"),
    (every(misfire_max=2.0), "misfire_max=2.0; use 1 to"),
    (every(priority=False), "priority=False; use a whole number"),
    (lambda: ANY.App("memory://").cron("0 9 * * *", tz=5), "no time zone 5"),
    (lambda: ANY.App("memory://").schedule("x")(every()()), "'x' is not a rule"),
    (lambda: App("memory://").schedule(Interval(5))(every()()), "the shortest is 1ms"),
    (lambda: ANY.Cron("0 9 * * *", dst="skip"), "write dst=Dst"),
    (
        lambda: App("memory://").cron("0 0 25 12 *", exclude="DE", name="x")(every()()),
        "'x' never fires: exclude='DE' leaves out all of its days",
    ),
    (
        lambda: ANY.Calendar("FREQ=DAILY", "UTC", date(2026, 1, 1)),
        "is not a datetime",
    ),
]

OTHERS = [
    (lambda: Backfill(start=0, end=2**62), "out of range"),
    (lambda: ANY.Backfill(start="x", end=0), "start='x'"),
    (lambda: Backfill(start=0, end=0, per_second=0), "per_second=0"),
    (lambda: Backfill(start=0, end=0, per_second=float("nan")), "per_second=nan"),
    (lambda: Backfill(start=0, end=0, per_second=-1), "per_second=-1"),
    (lambda: unique("k", states=5), "states=5; give a tuple"),
    (lambda: unique("k", states="queued"), "states='queued'; give a tuple"),
    (lambda: unique("k", states=("nonsense",)), "state 'nonsense'; choose from"),
    (lambda: unique("k", states=(5,)), "state 5; choose from"),
    (lambda: unique("k", states=("queued",)), "must hold every live state"),
    (lambda: unique("k", period=0), "longer than zero"),
    (lambda: unique("k", on_conflict=["x"]), "on_conflict=.*choose one"),
    (lambda: unique(None), "needs a key"),
    (lambda: WorkerOptions(concurrency=0), "concurrency=0"),
    (lambda: WorkerOptions(concurrency=10**9), "1 to 10,000"),
    (lambda: WorkerOptions(concurrency=True), "concurrency=True"),
    (lambda: WorkerOptions(grace=-1), "grace=-1"),
    (lambda: WorkerOptions(grace=2**70), "grace="),
    (lambda: WorkerOptions(jobs_max=0), "jobs_max=0"),
    (lambda: WorkerOptions(poll=0), "poll=0"),
    (lambda: WorkerOptions(poll=float("nan")), "nan is not a length"),
    (lambda: WorkerOptions(queues=()), "needs a queue"),
    (lambda: served("a:0"), "queue weight '0'"),
    (lambda: served("a:" + "9" * 10_000), "queue weight"),
    (lambda: served("a:\u0663"), "queue weight"),
    (lambda: served("a:-1"), "queue weight"),
    (lambda: served("a,,b"), "queue name ''"),
    (lambda: FakeClock(END), "years 1000 to 8999"),
    (lambda: FakeClock().advance(timedelta.max), "longer than a century"),
    (lambda: FakeClock().step(timedelta.min), "longer than a century"),
    (lambda: ANY.FakeClock().step(None), "not a length of time"),
    (lambda: FakeClock().step("--1h"), "not a length of time"),
]


@pytest.mark.parametrize(
    ("make", "message"), TASKS + SCHEDULES + OTHERS, ids=lambda each: "" if callable(each) else each
)
def test_it_is_refused_in_words(make: Callable[[], Any], message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        make()
    assert len(str(caught.value)) < 400


def test_the_harness_waits_no_longer_than_a_century() -> None:
    with harness(App("memory://")) as jobs, pytest.raises(BadOption, match="than a century"):
        jobs.run_due(until=timedelta.max)


@pytest.mark.parametrize("limit", [0, -1, 2.5, None, True, 10**30])
def test_a_history_has_a_length(limit: Any) -> None:
    app = App("memory://")
    with harness(app), pytest.raises(BadOption, match="limit="):
        app.schedules.history("x", limit=limit)


@pytest.mark.parametrize("job_id", [None, 5, "\0", b"x"])
def test_a_handle_has_an_id(job_id: Any) -> None:
    with pytest.raises(BadOption, match="job id"):
        App("memory://").task(lambda_free).handle(job_id)


def test_queues_may_have_weights() -> None:
    assert served("a:99999,b") == (Served("a", 99_999), Served("b"))


@pytest.mark.parametrize("name", [None, 5, ["x"], "a\0b", b"x"])
def test_names_are_text(name: Any) -> None:
    app = App("memory://")
    with pytest.raises(UsageError, match=r"no task is called|is not a task name"):
        app.find(name)
    with harness(app):
        for ask in (app.schedules.get, app.schedules.pause, app.schedules.run):
            with pytest.raises(BadOption, match="schedule name"):
                ask(name)
        with pytest.raises(BadOption, match="is not a backfill"):
            app.schedules.backfill("x", name)


def test_the_harness_knows_the_states() -> None:
    with harness(App("memory://")) as jobs, pytest.raises(BadOption, match="choose from"):
        jobs.jobs(None, "nonsense")
