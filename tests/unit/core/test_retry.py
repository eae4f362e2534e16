"""Backoff, jitter, and which errors are tried again."""

from datetime import timedelta
from typing import Any

import pytest

from dutiful.core.errors import BadOption
from dutiful.core.instant import HOUR, MINUTE, SECOND
from dutiful.core.outcome import Signal, is_signal
from dutiful.core.retry import Retry, RetryPolicy, backoff
from tests.unit.core.dice import ALMOST, Dice


def waits(attempts: list[int], **fields: Any) -> list[int]:
    policy = RetryPolicy(delay=SECOND, cap=HOUR, jitter="none", **fields)
    return [backoff(policy, attempt, Dice(0.0)) // SECOND for attempt in attempts]


def test_fixed_waits_are_all_the_same() -> None:
    assert waits([1, 2, 9], backoff="fixed") == [1, 1, 1]


def test_linear_waits_grow_by_the_delay() -> None:
    assert waits([1, 2, 9], backoff="linear") == [1, 2, 9]


def test_exponential_waits_double() -> None:
    assert waits([1, 2, 3, 6], backoff="exponential") == [1, 2, 4, 32]


def test_the_factor_may_be_another() -> None:
    assert waits([1, 2, 3], backoff="exponential", factor=10) == [1, 10, 100]


@pytest.mark.parametrize("kind", ["linear", "exponential"])
def test_no_wait_is_longer_than_the_cap(kind: Any) -> None:
    assert waits([10_000], backoff=kind) == [3600]


@pytest.mark.parametrize("factor", [1.0, 1.01, 2, 2.0, 1e6, 1e300])
def test_a_high_attempt_does_not_overflow(factor: float) -> None:
    policy = RetryPolicy(delay=SECOND, factor=factor, jitter="none")
    assert 0 < backoff(policy, 10_000, Dice(0.0)) <= policy.cap


def test_a_small_factor_reaches_the_cap_in_the_end() -> None:
    policy = RetryPolicy(delay=SECOND, factor=1.01, cap=HOUR, jitter="none")
    assert backoff(policy, 10_000, Dice(0.0)) == HOUR


def test_a_delay_of_nothing_stays_nothing() -> None:
    assert backoff(RetryPolicy(delay=0, jitter="none"), 10_000, Dice(0.0)) == 0


@pytest.mark.parametrize(
    ("jitter", "low", "high"),
    # Half of a number that is all but 1, and another half, is rounded up to 1.
    [("full", 0, 10 * SECOND - 1), ("equal", 5 * SECOND, 10 * SECOND)],
)
def test_jitter_draws_from_its_range(jitter: Any, low: int, high: int) -> None:
    policy = RetryPolicy(backoff="fixed", delay=10 * SECOND, jitter=jitter)
    assert backoff(policy, 1, Dice(0.0)) == low
    assert backoff(policy, 1, Dice(ALMOST)) == high


def test_without_jitter_chance_is_not_asked() -> None:
    policy = RetryPolicy(backoff="fixed", delay=10 * SECOND, jitter="none")
    assert backoff(policy, 1, Dice(0.0)) == backoff(policy, 1, Dice(ALMOST)) == 10 * SECOND


def test_the_cap_holds_after_the_jitter() -> None:
    policy = RetryPolicy(delay=HOUR, cap=MINUTE, jitter="equal")
    assert backoff(policy, 5, Dice(ALMOST)) <= MINUTE


def test_every_error_is_tried_again_unless_said_otherwise() -> None:
    assert RetryPolicy().retries(ValueError())


def test_on_limits_retries_to_kinds_of_errors() -> None:
    policy = RetryPolicy(on=(OSError,))
    assert policy.retries(ConnectionError())
    assert not policy.retries(ValueError())


def test_never_wins_over_on() -> None:
    policy = RetryPolicy(on=(OSError,), never=(FileNotFoundError,))
    assert policy.retries(ConnectionError())
    assert not policy.retries(FileNotFoundError())


def test_never_alone_allows_the_rest() -> None:
    policy = RetryPolicy(never=(KeyError,))
    assert policy.retries(ValueError())
    assert not policy.retries(KeyError())


def test_a_retry_makes_a_policy() -> None:
    retry = Retry(
        max_attempts=3,
        backoff="linear",
        delay="5s",
        factor=3,
        cap="10m",
        jitter="full",
        within="1h",
        on=OSError,
        never=(KeyError, TypeError),
    )
    assert retry.policy == RetryPolicy(
        3, "linear", 5 * SECOND, 3, 10 * MINUTE, "full", HOUR, (OSError,), (KeyError, TypeError)
    )
    assert retry.after is None
    assert str(retry) == "retry"


def test_a_retry_without_options_is_the_usual_policy() -> None:
    assert Retry().policy == RetryPolicy()


def test_a_raised_retry_may_say_after_how_long() -> None:
    retry = Retry(after=timedelta(minutes=1))
    assert retry.after == MINUTE
    assert str(retry) == "retry after 0:01:00"
    assert isinstance(retry, Signal)
    assert is_signal(retry)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_attempts": 0}, "max_attempts=0; a job needs at least one attempt"),
        ({"max_attempts": 2**31}, "max_attempts=2147483648; use at most 2,147,483,647"),
        ({"backoff": "cubic"}, "backoff='cubic'; choose one of fixed, linear, exponential"),
        ({"jitter": "some"}, "jitter='some'; choose one of full, equal, none"),
        ({"factor": 0.5}, "factor=0.5; use 1 or more, or the delays would shrink"),
        ({"delay": "soon"}, "'soon' is not a length of time"),
        ({"cap": -1}, "-1 is a negative length of time"),
        ({"within": "x"}, "'x' is not a length of time"),
        ({"after": "x"}, "'x' is not a length of time"),
    ],
)
def test_a_mistake_shows_when_the_policy_is_made(options: dict[str, Any], message: str) -> None:
    with pytest.raises(BadOption) as caught:
        Retry(**options)
    assert str(caught.value).startswith(message)
