"""What holds for every value, not only for those that somebody thought of."""

import math
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec.structs import replace

from dutiful.core.errors import BadArguments
from dutiful.core.instant import DAY, HOUR, instant, moment, span, spell
from dutiful.core.job import Claim, Job
from dutiful.core.lease import Lease
from dutiful.core.outcome import (
    Cancelled,
    Crashed,
    Discarded,
    Expired,
    Failed,
    Released,
    Snoozed,
    Succeeded,
    Undecodable,
    Unknown,
)
from dutiful.core.payload import decode, decoder, encode, plain
from dutiful.core.queue import Served, fetch_order, queue_name, served
from dutiful.core.retry import RetryPolicy, backoff
from dutiful.core.settle import Rules, settle
from dutiful.core.state import LIVE, State, allowed, mask
from dutiful.core.unique import hold, holds, unique

ALMOST = 1 - 2**-53
micros = st.integers(0, 3650 * DAY)
KEY_LETTERS = st.characters(exclude_categories=["Cs"], exclude_characters="\0\x1f")
chance = st.floats(0, ALMOST)
names = st.from_regex(r"[A-Za-z0-9_.\-]{1,100}", fullmatch=True)


class Dice:
    def __init__(self, shown: float) -> None:
        self.shown = shown

    def random(self) -> float:
        return self.shown


@given(micros)
@example(60_000_005)
def test_a_written_span_is_read_back_exactly(length: int) -> None:
    assert span(spell(length)) == length


@given(micros)
def test_a_timedelta_is_read_exactly(length: int) -> None:
    assert span(timedelta(microseconds=length)) == length


@given(st.integers(-(10**15), 10**17))
def test_an_instant_survives_being_a_moment(at: int) -> None:
    assert instant(moment(at)) == at


@given(micros, micros)
def test_spans_add_up(one: int, other: int) -> None:
    assert span(f"{spell(one)} {spell(other)}") == one + other


policies = st.builds(
    RetryPolicy,
    backoff=st.sampled_from(["fixed", "linear", "exponential"]),
    delay=st.integers(0, 30 * DAY),
    factor=st.floats(1, 1e300) | st.integers(1, 1000),
    cap=st.integers(0, 30 * DAY),
    jitter=st.sampled_from(["full", "equal", "none"]),
    within=st.none() | st.integers(0, DAY),
)


@given(policies, st.integers(1, 20_000), chance)
def test_no_wait_is_negative_or_over_the_cap(
    policy: RetryPolicy, attempt: int, shown: float
) -> None:
    assert 0 <= backoff(policy, attempt, Dice(shown)) <= policy.cap


@given(policies, st.integers(1, 2000))
def test_waits_never_shrink(policy: RetryPolicy, attempt: int) -> None:
    steady = replace(policy, jitter="none")
    assert backoff(steady, attempt, Dice(0)) <= backoff(steady, attempt + 1, Dice(0))


@given(policies, st.integers(1, 2000), chance)
def test_jitter_takes_at_most_what_its_kind_allows(
    policy: RetryPolicy, attempt: int, shown: float
) -> None:
    whole = backoff(replace(policy, jitter="none"), attempt, Dice(0))
    drawn = backoff(policy, attempt, Dice(shown))
    assert drawn <= whole
    if policy.jitter == "equal":
        assert drawn >= whole // 2


jobs = st.builds(
    Job,
    id=st.just("j"),
    task=st.just("t"),
    queue=st.just("q"),
    state=st.just(State.RUNNING),
    priority=st.just(0),
    args=st.just(b"{}"),
    attempt=st.integers(1, 30),
    max_attempts=st.integers(1, 30),
    enqueued_at=st.integers(0, DAY),
    run_at=st.integers(0, DAY),
    crashes=st.integers(0, 5),
    fence=st.integers(1, 100),
    worker=st.sampled_from([None, "w1"]),
    parked_at=st.none() | st.integers(0, 8 * DAY),
    cancel_requested=st.booleans(),
    redriven_at=st.none() | st.integers(0, DAY),
)
outcomes = st.one_of(
    st.builds(Succeeded),
    st.builds(
        Failed,
        type=st.just("E"),
        message=st.just("x"),
        retryable=st.booleans(),
        after=st.none() | st.integers(0, DAY),
    ),
    st.builds(Snoozed, delay=st.integers(0, DAY), until=st.none() | st.integers(0, DAY)),
    st.sampled_from(
        [
            Discarded("x"),
            Cancelled(),
            Released(),
            Crashed("gone"),
            Unknown(),
            Undecodable("x"),
            Expired(),
        ]
    ),
)


@given(jobs, outcomes, st.integers(0, 30 * DAY), chance, policies)
def test_a_settlement_is_a_move_of_the_table_and_counts_honestly(
    job: Job, outcome: Any, now: int, shown: float, policy: RetryPolicy
) -> None:
    claim = Claim(job)
    done = settle(claim, outcome, now, Dice(shown), Rules(retry=policy))
    assert allowed(State.RUNNING, done.state)
    assert done.claim is claim
    assert done.crashes in (job.crashes, job.crashes + 1)
    assert done.attempt in (job.attempt, job.attempt - 1)
    assert done.delay >= 0
    assert done.rescue is isinstance(outcome, Crashed)


@given(jobs, outcomes, st.integers(0, 30 * DAY), chance)
def test_every_dead_letter_has_a_reason_and_an_error(
    job: Job, outcome: Any, now: int, shown: float
) -> None:
    done = settle(Claim(job), outcome, now, Dice(shown), Rules())
    if done.state is State.DEAD:
        assert done.reason
        assert done.error is not None


@given(jobs, st.sampled_from([Crashed("gone"), Failed("E", "x", after=0)]), chance)
def test_a_job_with_its_attempts_spent_is_not_tried_again(
    job: Job, outcome: Any, shown: float
) -> None:
    spent = replace(job, attempt=max(job.attempt, job.max_attempts))
    assert settle(Claim(spent), outcome, 0, Dice(shown), Rules()).state.final


@given(jobs, st.lists(st.sampled_from([Crashed("gone"), Failed("E", "x")]), max_size=80))
def test_no_job_fails_for_ever(job: Job, ends: list[Any]) -> None:
    job = replace(job, attempt=1, crashes=0, cancel_requested=False)
    for count, outcome in enumerate(ends, 1):
        done = settle(Claim(job), outcome, 0, Dice(0), Rules())
        assert count <= job.max_attempts
        if done.state.final:
            return
        job = replace(job, attempt=done.attempt + 1, crashes=done.crashes)


@given(st.text(KEY_LETTERS, min_size=1), st.integers(1, 30 * DAY), micros)
def test_a_period_holds_until_its_boundary_and_no_longer(key: str, period: int, now: int) -> None:
    rule = unique(key, period=period)
    start = now // period * period
    assert hold(rule, start) == hold(rule, now) == hold(rule, start + period - 1)
    assert hold(rule, start + period) != hold(rule, now)
    assert hold(rule, start - 1) != hold(rule, now)


@given(st.sets(st.sampled_from([state for state in State if state not in LIVE])))
def test_a_rule_holds_in_the_states_that_it_names(ended: set[State]) -> None:
    rule = unique("k", states=(*LIVE, *ended))
    assert {state for state in State if holds(rule.states, state)} == {*LIVE, *ended}
    assert rule.states == mask(tuple({*LIVE, *ended}))


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner, max_size=5)
    ),
    max_leaves=20,
)


def same(one: Any, other: Any) -> bool:
    """Equal, and true is not 1 nor 1 the same as 1.0."""
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    return type(one) is type(other) and one == other


@given(json_values)
def test_any_json_survives_the_journey(value: Any) -> None:
    raw = encode(value, what="it")
    assert same(plain(raw), value)
    assert same(decode(raw, decoder(Any), what="it"), value)


@given(json_values, st.sampled_from([math.nan, math.inf, 2**64, object()]))
def test_what_json_cannot_hold_is_always_found(value: Any, bad: Any) -> None:
    for wrapped, place in (([value, bad], "$[1]"), ({"a": value, "b": [bad]}, "$.b[0]")):
        with pytest.raises(BadArguments) as caught:
            encode(wrapped, what="it")
        assert f"at {place}: " in str(caught.value)


queues = st.lists(
    st.builds(Served, names, st.integers(1, 100)), unique_by=lambda queue: queue.name, max_size=8
)


@given(queues, st.randoms(use_true_random=False))
def test_the_order_of_fetching_is_a_permutation(listed: list[Served], rng: Any) -> None:
    assert sorted(fetch_order(listed, rng)) == sorted(queue.name for queue in listed)


@given(queues.filter(bool))
def test_what_a_worker_serves_is_read_as_written(listed: list[Served]) -> None:
    text = ",".join(f"{queue.name}:{queue.weight}" for queue in listed)
    assert list(served(text)) == listed
    assert all(queue_name(queue.name) == queue.name for queue in listed)


@given(st.integers(2, HOUR), st.data(), st.integers(0, 10**15))
def test_a_worker_always_stops_before_its_lease_ends(
    length: int, data: st.DataObject, at: int
) -> None:
    lease = Lease(length=length, heartbeat=data.draw(st.integers(1, length // 2)))
    assert at < lease.deadline(at) < at + length
