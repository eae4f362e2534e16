"""What is settled when the first decision cannot be stored or made, and the newer parts of that."""

from __future__ import annotations

from typing import Any

import pytest

from dutiful.core.instant import DAY, HOUR, MINUTE, SECOND
from dutiful.core.outcome import Cancelled, Crashed, Failed, Succeeded, Undecodable
from dutiful.core.retry import ATTEMPTS_MAX, RetryPolicy
from dutiful.core.settle import Rules, Settlement, settle
from dutiful.core.state import State, allowed
from dutiful.core.unwritable import bare, instead, undecided
from tests.unit.core.dice import Dice, running

NOW = 5000


def given(state: State, *, rescue: bool = False, **fields: Any) -> Settlement:
    claim = running(**fields)
    return Settlement(claim, state, b"1", NOW, 9, 9, 9, 9, "odd", 9, None, rescue)


@pytest.mark.parametrize(
    ("state", "rescue", "attempt", "becomes", "reason"),
    [
        (State.SUCCEEDED, False, 1, State.DEAD, "discarded"),
        (State.SCHEDULED, False, 1, State.SCHEDULED, None),
        (State.SCHEDULED, False, 5, State.DEAD, "attempts-spent"),
        (State.WAITING, False, 1, State.SCHEDULED, None),
        (State.QUEUED, False, 1, State.SCHEDULED, None),
        (State.QUEUED, True, 1, State.QUEUED, None),
        (State.QUEUED, True, 5, State.DEAD, "attempts-spent"),
        (State.DEAD, False, 1, State.DEAD, "attempts-spent"),
        (State.DEAD, True, 1, State.DEAD, "attempts-spent"),
        (State.CANCELLED, False, 1, State.CANCELLED, "cancelled"),
    ],
)
def test_a_failure_stands_in_its_place(
    state: State, rescue: bool, attempt: int, becomes: State, reason: str | None
) -> None:
    item = given(state, rescue=rescue, attempt=attempt, crashes=1)
    done = instead(item, "OutcomeRefused", "too large", Dice(0.5))
    assert (done.state, done.reason, done.attempt) == (becomes, reason, attempt)
    assert (done.claim, done.rescue, done.crashes) == (item.claim, rescue, 1 + rescue)
    assert (done.result, done.run_at, done.parked_at, done.at) == (None, None, None, NOW)
    assert done.error is not None
    assert (done.error.type, done.error.message, done.error.at) == (
        "OutcomeRefused",
        "too large",
        NOW,
    )
    assert (done.error.attempt, done.error.worker) == (attempt, "w1")
    assert (done.delay > 0) is (not becomes.final)
    assert allowed(State.RUNNING, becomes)


@pytest.mark.parametrize(("stored", "written"), [(-5, 0), (2**70, ATTEMPTS_MAX), (7, 7)])
def test_numbers_of_a_row_are_brought_into_bounds(stored: int, written: int) -> None:
    item = given(State.WAITING, attempt=stored, crashes=stored, max_attempts=2**80)
    for done in (bare(item), instead(item, "X", "y", Dice(0.5))):
        assert (done.attempt, done.crashes) == (written, written)
    assert bare(item).error is None
    assert (bare(item).state, bare(item).reason) == (State.DEAD, "bad-payload")


@pytest.mark.parametrize(
    ("outcome", "state", "rescue"),
    [
        (Failed("E", "boom"), State.SCHEDULED, False),
        (Succeeded(b"1"), State.DEAD, False),
        (Crashed("gone"), State.QUEUED, True),
    ],
)
def test_where_the_decision_itself_fails(outcome: Any, state: State, rescue: bool) -> None:
    done = undecided(running(), outcome, NOW, "no policy", Dice(0.5))
    assert (done.state, done.rescue) == (state, rescue)


@pytest.mark.parametrize(
    ("until", "within", "state", "run_at"),
    [
        (NOW + HOUR, None, State.SCHEDULED, NOW + HOUR),
        (NOW + SECOND, None, State.SCHEDULED, None),
        (None, None, State.SCHEDULED, None),
        (NOW + HOUR, HOUR // 2, State.DEAD, None),
        (NOW + HOUR, 2 * HOUR, State.SCHEDULED, NOW + HOUR),
    ],
)
def test_a_moment_before_which_nothing_is_tried_again(
    until: int | None, within: int | None, state: State, run_at: int | None
) -> None:
    rules = Rules(retry=RetryPolicy(within=within))
    outcome = Failed("E", "boom", after=10 * SECOND, until=until)
    done = settle(running(enqueued_at=0), outcome, NOW, Dice(0.5), rules)
    assert (done.state, done.run_at) == (state, run_at)


def test_what_failed_beside_a_cancellation_is_kept() -> None:
    outcome = Cancelled("no", Failed("E", "boom", "trace"))
    done = settle(running(), outcome, NOW, Dice(0.5), Rules())
    assert (done.state, done.reason) == (State.CANCELLED, "no")
    assert done.error is not None
    assert (done.error.type, done.error.traceback) == ("E", "trace")


@pytest.mark.parametrize(
    ("age", "park_max", "state"),
    [
        (DAY - 1, 7 * DAY, State.SCHEDULED),
        (DAY, 7 * DAY, State.DEAD),
        (MINUTE - 1, MINUTE, State.SCHEDULED),
        (MINUTE, MINUTE, State.DEAD),
    ],
)
def test_arguments_wait_for_a_day_at_most(age: int, park_max: int, state: State) -> None:
    rules = Rules(park_max=park_max)
    claim = running(parked_at=0, attempt=3)
    done = settle(claim, Undecodable("no", waits=True), age, Dice(0.5), rules)
    assert (done.state, done.reason, done.attempt) == (state, "bad-payload", 2)
    assert (done.error is not None) is (state is State.DEAD)
    first = settle(running(attempt=3), Undecodable("no", waits=True), age, Dice(0.5), rules)
    assert (first.parked_at, first.attempt, first.delay) == (age, 2, rules.park_first)
    assert first.error is not None
    dead = settle(running(attempt=3), Undecodable("no"), age, Dice(0.5), rules)
    assert (dead.state, dead.attempt) == (State.DEAD, 3)
