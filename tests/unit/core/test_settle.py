"""The one decision: what becomes of a job when an attempt ends."""

from typing import Any

import pytest

from dutiful.core.instant import DAY, HOUR, SECOND
from dutiful.core.outcome import (
    Cancelled,
    Crashed,
    Discarded,
    Expired,
    Failed,
    Outcome,
    Released,
    Snoozed,
    Succeeded,
    Undecodable,
    Unknown,
)
from dutiful.core.retry import RetryPolicy
from dutiful.core.settle import Rules, Settlement, before_start, settle
from dutiful.core.state import State, allowed
from tests.unit.core.dice import Dice, running

NOW = 5000
RULES = Rules(retry=RetryPolicy(backoff="fixed", delay=10 * SECOND, jitter="none"))
FAILED = Failed("E", "boom", "trace")


def decide(outcome: Outcome, rules: Rules = RULES, now: int = NOW, **fields: Any) -> Settlement:
    return settle(running(**fields), outcome, now, Dice(0.5), rules)


def test_success_ends_the_job_with_its_result() -> None:
    done = decide(Succeeded(b"1"), crashes=2, attempt=3)
    assert (done.state, done.result, done.at) == (State.SUCCEEDED, b"1", NOW)
    assert (done.attempt, done.crashes, done.error, done.reason) == (3, 2, None, None)


def test_a_failure_with_attempts_left_is_tried_again() -> None:
    done = decide(FAILED)
    assert (done.state, done.delay, done.attempt) == (State.SCHEDULED, 10 * SECOND, 1)
    assert done.reason is None


def test_a_failure_leaves_its_error() -> None:
    error = decide(FAILED, attempt=3).error
    assert error is not None
    assert (error.job_id, error.attempt, error.at, error.worker) == ("j", 3, NOW, "w1")
    assert (error.type, error.message, error.traceback) == ("E", "boom", "trace")


def test_the_worker_of_an_error_may_be_unknown() -> None:
    error = decide(FAILED, worker=None).error
    assert error is not None
    assert error.worker == ""


@pytest.mark.parametrize(("attempt", "state"), [(4, State.SCHEDULED), (5, State.DEAD)])
def test_the_last_failure_is_a_dead_letter(attempt: int, state: State) -> None:
    done = decide(FAILED, attempt=attempt)
    assert done.state is state
    assert done.reason == ("attempts-spent" if state is State.DEAD else None)
    assert done.attempt == attempt


def test_the_jobs_own_limit_counts_not_the_policys() -> None:
    rules = Rules(retry=RetryPolicy(max_attempts=1))
    assert decide(FAILED, rules, attempt=4).state is State.SCHEDULED


def test_a_failure_that_must_not_be_retried_dies_at_once() -> None:
    done = decide(Failed("E", "boom", retryable=False))
    assert (done.state, done.reason) == (State.DEAD, "discarded")


def test_the_error_may_say_when() -> None:
    assert decide(Failed("E", "x", after=7)).delay == 7
    assert decide(Failed("E", "x", after=0)).delay == 0


@pytest.mark.parametrize(("age", "state"), [(HOUR, State.SCHEDULED), (HOUR + 1, State.DEAD)])
def test_no_attempt_starts_beyond_the_time_allowed(age: int, state: State) -> None:
    rules = Rules(retry=RetryPolicy(backoff="fixed", delay=10, jitter="none", within=HOUR))
    done = decide(FAILED, rules, now=100 + age - 10)
    assert done.state is state


def test_the_time_allowed_counts_from_the_redrive() -> None:
    rules = Rules(retry=RetryPolicy(backoff="fixed", delay=10, jitter="none", within=HOUR))
    done = decide(FAILED, rules, now=100 + DAY, redriven_at=100 + DAY - HOUR + 10)
    assert done.state is State.SCHEDULED


def test_a_redrive_at_the_beginning_of_time_is_one() -> None:
    rules = Rules(retry=RetryPolicy(backoff="fixed", delay=10, jitter="none", within=HOUR))
    assert decide(FAILED, rules, now=HOUR + 50, redriven_at=0).state is State.DEAD


def test_a_snooze_waits_unspent() -> None:
    done = decide(Snoozed(30), attempt=3, crashes=1)
    assert (done.state, done.delay, done.run_at) == (State.WAITING, 30, None)
    assert (done.attempt, done.crashes) == (2, 1)


def test_a_snooze_until_an_instant_names_it() -> None:
    until = NOW + SECOND
    assert decide(Snoozed(until=until)).run_at == until


@pytest.mark.parametrize("until", [99, NOW, NOW + SECOND // 10 - 1])
def test_a_snooze_until_a_moment_that_has_passed_is_no_hot_loop(until: int) -> None:
    done = decide(Snoozed(until=until))
    assert (done.run_at, done.delay) == (None, SECOND // 10)


def test_a_release_goes_back_to_the_queue_unspent() -> None:
    done = decide(Released(), attempt=3, crashes=1)
    assert (done.state, done.delay, done.attempt, done.crashes) == (State.QUEUED, 0, 2, 1)
    assert (done.rescue, done.error) == (False, None)


def test_a_cancelled_attempt_ends_the_job() -> None:
    done = decide(Cancelled("why not"))
    assert (done.state, done.reason, done.error) == (State.CANCELLED, "why not", None)


def test_a_discard_is_a_dead_letter_with_its_reason_as_the_error() -> None:
    done = decide(Discarded("no use", "trace"))
    assert (done.state, done.reason) == (State.DEAD, "discarded")
    assert done.error is not None
    assert (done.error.type, done.error.message) == ("Discard", "no use")
    assert done.error.traceback == "trace"


def test_arguments_that_do_not_fit_are_a_dead_letter() -> None:
    done = decide(Undecodable("no field x"))
    assert (done.state, done.reason) == (State.DEAD, "bad-payload")
    assert done.error is not None
    assert done.error.type == "BadPayload"


def test_an_expired_job_is_a_dead_letter_with_no_attempt_spent() -> None:
    done = decide(Expired())
    assert (done.state, done.reason, done.attempt) == (State.DEAD, "expired", 0)


@pytest.mark.parametrize(
    ("crashes", "state"), [(0, State.QUEUED), (1, State.QUEUED), (2, State.DEAD)]
)
def test_the_third_crash_is_a_dead_letter(crashes: int, state: State) -> None:
    done = decide(Crashed("gone"), crashes=crashes, attempt=crashes + 1)
    assert (done.state, done.crashes, done.rescue) == (state, crashes + 1, True)
    assert done.attempt == crashes + 1
    assert done.reason == ("worker-lost" if state is State.DEAD else None)
    assert done.error is not None
    assert (done.error.type, done.error.message) == ("WorkerLost", "gone")


def test_a_crash_of_the_last_attempt_is_a_dead_letter() -> None:
    done = decide(Crashed("gone"), attempt=5)
    assert (done.state, done.reason, done.crashes) == (State.DEAD, "worker-lost", 1)


def test_how_many_crashes_are_too_many_is_a_rule() -> None:
    assert decide(Crashed("gone"), Rules(crashes_max=1)).state is State.DEAD


def test_a_crash_of_a_job_asked_to_end_cancels_it() -> None:
    done = decide(Crashed("gone"), cancel_requested=True, crashes=2)
    assert (done.state, done.reason, done.rescue) == (State.CANCELLED, "cancelled", True)
    assert done.error is not None


def test_a_job_of_an_unknown_task_is_parked_unspent() -> None:
    done = decide(Unknown(), attempt=2)
    assert (done.state, done.reason, done.parked_at) == (State.SCHEDULED, "unknown-task", NOW)
    assert (done.delay, done.attempt, done.error) == (RULES.park_first, 1, None)


def test_parking_again_remembers_the_first_time() -> None:
    assert decide(Unknown(), parked_at=1).parked_at == 1


@pytest.mark.parametrize(("parked", "delay"), [(-5, 1), (0, 1), (1, 1), (4, 4), (15, 15), (99, 15)])
def test_a_parked_job_is_looked_at_soon_and_then_less_often(parked: int, delay: int) -> None:
    done = decide(Unknown(), parked_at=NOW - parked * SECOND)
    assert done.delay == delay * SECOND


@pytest.mark.parametrize(("age", "state"), [(7 * DAY - 1, State.SCHEDULED), (7 * DAY, State.DEAD)])
def test_parking_ends_after_a_week(age: int, state: State) -> None:
    done = decide(Unknown(), now=age, parked_at=0)
    assert done.state is state
    if state is State.DEAD:
        assert (done.reason, done.attempt) == ("unknown-task", 0)
        assert done.error is not None
        assert "'t'" in done.error.message


@pytest.mark.parametrize(
    "outcome",
    [
        Succeeded(),
        FAILED,
        Snoozed(),
        Released(),
        Cancelled(),
        Discarded("x"),
        Unknown(),
        Undecodable("x"),
        Expired(),
    ],
)
def test_only_a_crash_is_a_rescue(outcome: Outcome) -> None:
    done = decide(outcome)
    assert not done.rescue
    assert allowed(State.RUNNING, done.state)
    assert done.at == NOW


def test_a_job_asked_to_end_must_not_start() -> None:
    assert before_start(running(cancel_requested=True).job, NOW) == Cancelled()


@pytest.mark.parametrize(("now", "outcome"), [(NOW - 1, None), (NOW, Expired())])
def test_an_expired_job_must_not_start(now: int, outcome: Outcome | None) -> None:
    assert before_start(running(expires_at=NOW).job, now) == outcome


def test_a_retry_never_expires() -> None:
    assert before_start(running(expires_at=1, attempt=2).job, NOW) is None


def test_a_job_that_does_not_expire_may_start() -> None:
    assert before_start(running().job, 10**18) is None


def test_a_job_that_snoozed_past_its_expiry_has_started_in_time() -> None:
    assert before_start(running(expires_at=90, run_at=100).job, 200) is None
    assert before_start(running(expires_at=90, run_at=50).job, 200) == Expired()
