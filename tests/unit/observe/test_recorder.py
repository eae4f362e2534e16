"""What is counted of events and measurements, under which labels."""

from __future__ import annotations

import os
import threading
from types import SimpleNamespace
from typing import Any

import pytest
from msgspec.structs import replace

from dutiful.contract.meter import (
    AttemptsRan,
    JobsClaimed,
    JobsStored,
    OccurrencesMade,
    StoreCall,
)
from dutiful.contract.roles.producer import Receipt
from dutiful.core import event as e
from dutiful.core.alert_event import AlertNotSent
from dutiful.core.instant import SECOND
from dutiful.core.job import NewJob
from dutiful.core.settle import Settlement
from dutiful.core.state import State
from dutiful.observe.metrics.recorder import Recorder
from tests.unit.worker.parts import claim


def recorder(*tasks: str) -> Recorder:
    options: Any = SimpleNamespace(options=SimpleNamespace(queue="default"))
    return Recorder(dict.fromkeys(tasks, options))


def values(counted: Recorder, name: str) -> dict[tuple[str, ...], float]:
    """Return the values of an instrument that are not zero."""
    points = counted.points().get(f"dutiful_{name}", ())
    return {point.labels: point.value for point in points if point.value or point.counts}


def settled(state: State, task: str = "charge", **fields: Any) -> Settlement:
    parked_at = fields.pop("was_parked_at", None)
    held = claim("job", task)
    return Settlement(replace(held, job=replace(held.job, parked_at=parked_at)), state, **fields)


def test_settlements_are_counted_by_outcome() -> None:
    counted = recorder("charge")
    ends = (
        settled(State.SUCCEEDED),
        settled(State.SUCCEEDED),
        settled(State.SUCCEEDED, "mail"),
        settled(State.SCHEDULED),
        settled(State.WAITING),
        settled(State.QUEUED),
        settled(State.QUEUED, rescue=True),
        settled(State.CANCELLED, reason="cancelled"),
        settled(State.DEAD, reason="attempts-spent"),
        settled(State.DEAD, reason="expired"),
        settled(State.SCHEDULED, reason="unknown-task", parked_at=5),
        settled(State.SCHEDULED, reason="unknown-task", parked_at=5, was_parked_at=5),
        settled(State.SCHEDULED, reason="bad-payload", parked_at=5),
    )
    counted.take(e.Settled("w", ends))
    of = ("default", "charge")
    assert values(counted, "jobs_settled_total") == {
        (*of, "succeeded"): 2,
        ("default", "mail", "succeeded"): 1,
        (*of, "retried"): 1,
        (*of, "snoozed"): 1,
        (*of, "released"): 1,
        (*of, "rescued"): 1,
        (*of, "cancelled"): 1,
        (*of, "dead"): 2,
        (*of, "parked"): 3,
    }
    assert values(counted, "jobs_died_total") == {
        (*of, "attempts-spent"): 1,
        (*of, "expired"): 1,
    }
    assert values(counted, "jobs_parked_total") == {
        (*of, "unknown-task"): 1,
        (*of, "bad-payload"): 1,
    }


def test_a_batch_of_successes_is_counted_by_task() -> None:
    counted = recorder()
    tasks = ("charge", "mail", "charge")
    counted.take(e.Settled("w", tuple(settled(State.SUCCEEDED, task) for task in tasks)))
    assert values(counted, "jobs_settled_total") == {
        ("default", "charge", "succeeded"): 2,
        ("default", "mail", "succeeded"): 1,
    }


def test_claims_are_counted_with_how_long_their_jobs_waited() -> None:
    counted = recorder()
    starts = (0, SECOND // 100, 2 * SECOND, 9000 * SECOND)
    counted.take(JobsClaimed([claim("j", "charge", started_at=at) for at in starts]))
    [point] = counted.points()["dutiful_job_queue_wait_seconds"]
    assert point.labels == ("default", "charge")
    assert point.value == pytest.approx(9002.01)
    # Buckets up to 0.005, 0.025, ... and above 7200.
    assert point.counts == [1, 1, 0, 0, 0, 0, 1, *[0] * 7, 1]
    assert values(counted, "jobs_claimed_total") == {("default", "charge"): 4}


@pytest.mark.parametrize("at", [None, -5])
def test_a_wait_is_never_negative(at: int | None) -> None:
    counted = recorder()
    held = claim("j")
    counted.take(JobsClaimed([replace(held, job=replace(held.job, started_at=at))]))
    [point] = counted.points()["dutiful_job_queue_wait_seconds"]
    assert (point.value, point.counts[0]) == (0, 1)


def test_a_value_on_a_limit_lies_below_it() -> None:
    counted = recorder()
    spent = (0.005, 0.0051, 7200.0, 7201.0)
    runs = [("task", seconds) for seconds in spent]
    counted.take(AttemptsRan([*runs, ("other", 3.0)]))
    [point] = [
        point for point in counted.points()["dutiful_job_run_seconds"] if point.labels == ("task",)
    ]
    assert (point.counts[0], point.counts[1], point.counts[-2], point.counts[-1]) == (1, 1, 1, 1)


def test_enqueues_are_counted_by_whether_the_job_is_new() -> None:
    counted = recorder()
    jobs = [NewJob(id=f"j{number}", task="charge", args=b"{}") for number in range(3)]
    receipts = [Receipt(job.id, created=job.id != "j1") for job in jobs]
    counted.take(JobsStored(jobs, receipts))
    assert values(counted, "jobs_enqueued_total") == {("default", "charge"): 2}
    assert values(counted, "jobs_existing_total") == {("default", "charge"): 1}


def test_round_trips_are_counted_with_their_errors() -> None:
    counted = recorder()
    counted.take(StoreCall("exchange", 0.002))
    counted.take(StoreCall("exchange", 3.0, "EngineUnavailable"))
    [point] = counted.points()["dutiful_store_call_seconds"]
    assert (point.labels, point.value, sum(point.counts)) == (("exchange",), 3.002, 2)
    assert values(counted, "store_errors_total") == {("exchange", "EngineUnavailable"): 1}


@pytest.mark.parametrize(
    ("event", "name", "labels", "amount"),
    [
        (e.ClaimsRefused("w", ("a", "b")), "settlements_refused_total", (), 2),
        (e.WorkerLost("w", "silent"), "workers_lost_total", (), 1),
        (e.WorkerStalled("w", 5.0), "loop_stalls_total", (), 1),
        (e.LeaseLost("w", 3), "leases_lost_total", (), 1),
        (e.HookFailed("h", "no"), "hooks_failed_total", (), 1),
        (e.Pruned(7), "jobs_pruned_total", (), 7),
        (e.EngineTroubled("no"), "store_outages_total", (), 1),
        (e.StoreUnhealthy("snapshot", "old"), "store_warnings_total", (), 1),
        (e.ServiceFailed("pruner", "no"), "services_failed_total", ("pruner",), 1),
        (AlertNotSent("chat", "no", 1, False), "alert_sends_failed_total", ("chat",), 1),
        (e.SlotStuck("j", "t", "thread"), "slots_stuck_total", ("t",), 1),
        (e.SlotWaiting("j", "t", "other"), "slots_waiting_total", ("t",), 1),
        (e.OccurrenceMissed("s", 1, 4), "occurrences_missed_total", ("s",), 4),
        (e.ScheduleBroken("s", "no"), "schedules_broken_total", ("s",), 1),
        (
            e.OccurrenceLate("s", 1, 2.0, "not started in time"),
            "occurrences_late_total",
            ("s", "start"),
            1,
        ),
        (OccurrencesMade([0.5]), "schedule_lateness_seconds", (), 0.5),
    ],
    ids=lambda value: type(value).__name__,
)
def test_an_event_is_counted(event: Any, name: str, labels: tuple[str, ...], amount: float) -> None:
    counted = recorder()
    counted.take(event)
    assert values(counted, name) == {labels: amount}


def test_what_is_not_counted_need_not_be_sent() -> None:
    counted = recorder()
    assert {e.Claimed, e.Enqueued, e.Notice} <= counted.uncounted
    assert e.Settled not in counted.uncounted


def test_counters_of_known_tasks_are_shown_before_their_first_job() -> None:
    points = recorder("charge").points()
    shown = {point.labels: point.value for point in points["dutiful_jobs_died_total"]}
    assert shown[("default", "charge", "attempts-spent")] == 0


def test_no_event_is_lost_between_threads() -> None:
    counted = recorder()

    def work() -> None:
        for _ in range(2000):
            counted.take(e.Pruned(1))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert values(counted, "jobs_pruned_total") == {(): 16_000}


def test_an_event_that_cannot_be_counted_costs_its_sender_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    counted = recorder()
    broken: Any = e.Pruned("many")  # type: ignore[arg-type]  # as a listener of a test might send
    for _ in range(3):
        counted.take(broken)
    counted.take(e.Pruned(2))
    assert values(counted, "jobs_pruned_total") == {(): 2}
    assert len(caplog.records) == 1


def test_a_signal_handler_or_a_copy_never_waits_for_the_count() -> None:
    counted = recorder()
    with counted._counting:
        counted.take(e.Pruned(1))  # as from a handler that interrupts a count
    assert values(counted, "jobs_pruned_total") == {(): 1}
    counted._pid = os.getpid() + 1  # as in a forked copy
    counted.take(e.Pruned(1))
    assert not counted._pending
