"""Each rule is loud when it should be, and quiet when it should not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from dutiful.core.alerting.rule import read_limits
from dutiful.core.alerting.sample import (
    Activity,
    RetentionSample,
    RunningJob,
    Sample,
    ScheduleSample,
    StoreWarning,
    Usual,
    WorkerSample,
)
from dutiful.core.instant import DAY, HOUR, MINUTE, SECOND

from .samples import Watch, minutes, queue

Script = Callable[[int], Sample]


def deaths(at: int) -> Sample:
    return Sample(at=at, activity=minutes(at, 1, dead=2, error="CardError: expired"))


def old_queue(at: int) -> Sample:
    return Sample(at=at, queues=(queue(queued=7, oldest_at=at - 11 * MINUTE),))


def failing(at: int) -> Sample:
    return Sample(at=at, activity=minutes(at, failed=15, succeeded=5))


def unserved(at: int) -> Sample:
    return Sample(at=at, queues=(queue(queued=3, served=False, oldest_at=at - SECOND),))


def hung(at: int) -> Sample:
    return Sample(at=at, workers=(WorkerSample(id="w1", hung_for=9 * SECOND, running=4),))


def overdue(at: int) -> Sample:
    return Sample(at=at, workers=(WorkerSample(id="w1", alive=False, silent_for=11 * SECOND),))


def silent(at: int) -> Sample:
    return Sample(at=at, activity=minutes(at, 1, kind="worker", queue="", name="silent", lost=1))


def lost(at: int) -> Sample:
    return Sample(at=at, activity=minutes(at, 4, kind="worker", queue="", name="", lost=1))


def late(at: int) -> Sample:
    return Sample(at=at, activity=minutes(at, 1, kind="schedule", queue="", name="tick", missed=1))


def due_schedule(at: int) -> Sample:
    return Sample(at=at, schedules=(ScheduleSample(name="tick", overdue_for=5 * MINUTE),))


def unknown(at: int) -> Sample:
    return Sample(at=at, activity=minutes(at, unknown=4))


def expiring(at: int) -> Sample:
    return Sample(at=at, activity=minutes(at, 1, expired=1))


def slow(at: int, ran: int = 15 * MINUTE) -> Sample:
    job = RunningJob(id="j", task="send", queue="mail", worker="w1", started_at=at - ran)
    return Sample(at=at, running=(job,), usual={"send": Usual(50, MINUTE, 4 * MINUTE)})


def troubled(at: int) -> Sample:
    return Sample(at=at, warnings=(StoreWarning("backend 7", "an old snapshot"),))


def full(at: int) -> Sample:
    return Sample(at=at, warnings=(StoreWarning("disk", "9 MiB are free", full=True),))


def behind(at: int) -> Sample:
    return Sample(at=at, retention=(RetentionSample("succeeded", 3 * HOUR),))


LOUD: list[tuple[Script, str, int]] = [
    (deaths, "dead-letters", 0),
    (old_queue, "queue-age", 2 * MINUTE),
    (failing, "failure-ratio", 10 * MINUTE),
    (unserved, "queue-unserved", 2 * MINUTE),
    (hung, "worker-hung", 0),
    (overdue, "worker-hung", 0),
    (silent, "worker-hung", 0),
    (lost, "worker-lost", 0),
    (late, "schedule-late", 0),
    (due_schedule, "schedule-late", 0),
    (unknown, "unknown-task", 5 * MINUTE),
    (expiring, "jobs-expiring", 0),
    (lambda at: slow(at), "job-slow", 0),
    (troubled, "store-trouble", 5 * MINUTE),
    (full, "store-full", 0),
    (behind, "retention-behind", 10 * MINUTE),
]


@pytest.mark.parametrize(("script", "rule", "hold"), LOUD)
def test_a_rule_fires_after_its_hold_and_is_sent_once(script: Script, rule: str, hold: int) -> None:
    watch = Watch()
    if hold:
        assert watch.run(hold, script).fired == []
    watch.run(MINUTE, script)
    assert watch.fired == [rule]
    assert watch.sent == [("firing", rule)]
    watch.run(30 * MINUTE, lambda at: Sample(at=at))
    assert watch.resolved == [rule]
    assert watch.sent == [("firing", rule), ("resolved", rule)]


def test_a_message_says_what_since_when_how_many_why_and_what_shows_more() -> None:
    watch = Watch()
    watch.turn(deaths(watch.now))
    (one,) = watch.deliveries
    said = one.notification
    assert said.title == "2 jobs of send became dead letters"
    assert said.severity == "critical"
    for part in ("since 20", "count: 2", "CardError: expired", "dutiful dead list --task send"):
        assert part in said.text, said.text
    assert said.command == "dutiful dead list --task send"


@pytest.mark.parametrize("script", [silent, lost])
def test_workers_lost_in_an_outage_of_the_store_are_quiet(script: Script) -> None:
    """None of them could renew its lease."""
    watch = Watch()

    def within(at: int) -> Sample:
        return replace(script(at), outage=(at - 20 * MINUTE, at))

    assert watch.run(10 * MINUTE, within).fired == []


def queue_by_time(at: int, **fields: Any) -> Sample:
    return Sample(at=at, queues=(queue(**fields),))


def test_a_burst_that_drains_is_quiet() -> None:
    """A hundred thousand jobs at one time, which take 25 minutes."""
    watch = Watch()
    began, rate = watch.now, 66  # jobs a second

    def script(at: int) -> Sample:
        left = max(100_000 - rate * (at - began) // SECOND, 0)
        oldest = began if left else None
        row = queue(queued=left, running=16, oldest_at=oldest)
        return Sample(at=at, queues=(row,), activity=minutes(at, succeeded=rate * 60))

    assert watch.run(30 * MINUTE, script).fired == []


def test_a_backlog_that_only_grows_is_loud() -> None:
    watch = Watch()
    began = watch.now

    def script(at: int) -> Sample:
        row = queue(queued=500_000, running=16, oldest_at=began)
        return Sample(at=at, queues=(row,), activity=minutes(at, succeeded=600))

    assert "queue-age" in watch.run(30 * MINUTE, script).fired


def test_a_job_that_is_passed_over_is_loud() -> None:
    watch = Watch()
    script = lambda at: Sample(  # noqa: E731 - one line
        at=at,
        queues=(queue(queued=1, oldest_at=at - 2 * HOUR),),
        activity=minutes(at, succeeded=600),
    )
    assert watch.run(5 * MINUTE, script).fired == ["queue-age"]


def test_a_rolling_deploy_is_quiet() -> None:
    """Workers leave and come back one by one; for 40 s none serves, and new tasks are unknown."""
    watch = Watch()
    began = watch.now

    def script(at: int) -> Sample:
        served = not 10 * SECOND < at - began < 50 * SECOND
        parked = {"unknown": 2} if at - began < 3 * MINUTE else {}
        activity = minutes(at, 1, succeeded=50, **parked)
        row = queue(queued=40, served=served, oldest_at=at - 20 * SECOND)
        return Sample(at=at, queues=(row,), activity=activity)

    assert watch.run(20 * MINUTE, script).fired == []


def test_a_retry_storm_within_its_budget_is_quiet() -> None:
    """Everything fails for six minutes and is repeated, then all succeeds; no job dies."""
    watch = Watch()
    began = watch.now

    def script(at: int) -> Sample:
        storm = at - began < 6 * MINUTE
        rows = [
            Activity(at=minute, queue="mail", name="send", failed=90)
            if minute - began < 6 * MINUTE
            else Activity(at=minute, queue="mail", name="send", succeeded=120)
            for minute in range((at - 15 * MINUTE) // MINUTE * MINUTE, at + 1, MINUTE)
        ]
        row = queue(queued=5, oldest_at=at - (3 * MINUTE if storm else SECOND))
        return Sample(at=at, queues=(row,), activity=tuple(rows))

    assert watch.run(30 * MINUTE, script).fired == []


def test_a_paused_queue_is_quiet() -> None:
    watch = Watch()
    began = watch.now
    script = lambda at: queue_by_time(  # noqa: E731 - one line
        at, queued=900, paused=True, served=at % 2 == 0, oldest_at=began
    )
    assert watch.run(2 * HOUR, script).fired == []


def test_an_idle_night_is_quiet() -> None:
    watch = Watch()
    worker = WorkerSample(id="w1", silent_for=3 * SECOND)
    script = lambda at: Sample(  # noqa: E731 - one line
        at=at, queues=(queue(scheduled=12),), workers=(worker,)
    )
    assert watch.run(8 * HOUR, script).fired == []
    assert Watch().run(8 * HOUR, lambda at: Sample(at=at)).fired == []


def test_a_job_that_is_slow_by_little_is_quiet() -> None:
    watch = Watch()
    assert watch.run(MINUTE, lambda at: slow(at, 9 * MINUTE)).fired == []
    few = {"send": Usual(3, MINUTE, MINUTE)}
    assert watch.run(MINUTE, lambda at: replace(slow(at), usual=few)).fired == []


def test_a_single_lost_worker_whose_process_is_gone_is_quiet() -> None:
    script = lambda at: Sample(  # noqa: E731 - one line
        at=at, activity=minutes(at, 1, kind="worker", queue="", name="", lost=2)
    )
    assert Watch().run(10 * MINUTE, script).fired == []


def test_limits_are_changed_by_rule_queue_and_task() -> None:
    limits = read_limits(
        {
            "dead_letters": "off",
            "queues": {"mail": {"queue-age": {"above": "30s", "for": "0s"}}},
            "tasks": {"send": {"jobs-expiring": {"above": 5}}},
        }
    )
    script = lambda at: Sample(  # noqa: E731 - one line
        at=at,
        queues=(queue(queued=1, oldest_at=at - MINUTE), queue(name="x", queued=1, oldest_at=at)),
        activity=minutes(at, 1, expired=5),
    )
    assert Watch(limits=limits).run(MINUTE, script).fired == ["queue-age"]
    hourly = read_limits({"queue-age": {"above": 3600, "hold": "1s", "severity": "critical"}})
    watch = Watch(limits=hourly).run(MINUTE, lambda at: old_queue(at))
    assert watch.fired == []
    watch.run(MINUTE, lambda at: queue_by_time(at, queued=1, oldest_at=at - DAY))
    assert watch.deliveries[0].notification.severity == "critical"
