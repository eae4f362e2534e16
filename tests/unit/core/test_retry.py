"""Backoff, jitter, and which errors are tried again."""

from datetime import timedelta
from typing import Any

import pytest

from dutiful.core.errors import BadOption
from dutiful.core.instant import HOUR, MINUTE, SECOND, SPAN_MAX
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
        ({"max_attempts": 2.5}, "max_attempts=2.5; use a whole number"),
        ({"max_attempts": True}, "max_attempts=True; use a whole number"),
        ({"max_attempts": "3"}, "max_attempts='3'; use a whole number"),
        ({"backoff": None}, "backoff=None; choose one of"),
        ({"jitter": ["full"]}, "jitter=['full']; choose one of"),
        ({"factor": 0.5}, "factor=0.5; use 1 or more, or the delays would shrink"),
        ({"factor": float("nan")}, "factor=nan; use 1 or more"),
        ({"factor": float("inf")}, "factor=inf; use a smaller number"),
        ({"factor": 10**400}, "factor=1000"),
        ({"factor": "2"}, "factor='2'; use a number"),
        ({"factor": True}, "factor=True; use a number"),
        ({"delay": timedelta.max}, "delay: datetime.timedelta(days=999999999"),
        ({"cap": 1e300}, "cap: 1e+300 is longer than a century"),
        ({"within": "999999999w"}, "within: '999999999w' is longer than a century"),
        ({"after": float("inf")}, "after: inf is not a length of time"),
        ({"on": "X"}, "on: 'X' is not an exception class; give classes"),
        ({"on": ValueError()}, "on: ValueError() is not an exception class; write the class, on=V"),
        ({"on": [OSError, int]}, "on: <class 'int'> is not an exception class"),
        ({"on": (each for each in [OSError])}, "on: <generator object"),
        ({"on": {OSError: 1}}, "on: {<class 'OSError'>: 1} is not an exception class"),
        ({"on": list[OSError]}, "on: list[OSError] is not an exception class"),
        ({"never": 5}, "never: 5 is not an exception class"),
        ({"never": None}, "never: None is not an exception class"),
        ({"after": "1m", "delay": "1m"}, "after= and delay= do not go together"),
        ({"after": "1m", "max_attempts": 3}, "after= and max_attempts= do not go together"),
        ({"delay": "soon"}, "delay: 'soon' is not a length of time"),
        ({"cap": -1}, "cap: -1 is a negative length of time"),
        ({"within": "x"}, "within: 'x' is not a length of time"),
        ({"after": "x"}, "after: 'x' is not a length of time"),
    ],
)
def test_a_mistake_shows_when_the_policy_is_made(options: dict[str, Any], message: str) -> None:
    with pytest.raises(BadOption) as caught:
        Retry(**options)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    "errors",
    [
        [OSError, KeyError],
        (OSError, KeyError),
        (OSError, [KeyError, OSError]),
        OSError | KeyError,
        [OSError | KeyError],
    ],
)
def test_kinds_of_errors_may_be_given_in_any_list(errors: Any) -> None:
    policy = Retry(on=errors, never=errors).policy
    assert policy.on == policy.never == (OSError, KeyError)
    assert Retry(on={OSError}, never=frozenset()).policy.on == (OSError,)


def test_lists_may_be_ten_deep() -> None:
    errors: Any = OSError
    for _ in range(10):
        errors = [errors]
    assert Retry(on=errors).policy.on == (OSError,)
    with pytest.raises(BadOption, match="is not an exception class"):
        Retry(on=[errors])


def test_a_list_that_holds_itself_is_refused() -> None:
    errors: list[Any] = [OSError]
    errors.append(errors)
    with pytest.raises(BadOption, match="is not an exception class"):
        Retry(on=errors)


def test_a_policy_that_is_raised_is_told_how_a_signal_is_written() -> None:
    assert Retry().misuse() is Retry(after=5).misuse() is None
    misuse = Retry(delay="1h").misuse()
    assert misuse is not None
    assert misuse.startswith("delay= belongs to @app.task(retry=Retry(...))")
    assert misuse.endswith('write raise Retry(after="1h")')


@pytest.mark.parametrize("backed", ["fixed", "linear", "exponential"])
@pytest.mark.parametrize("attempt", [1, 2, 1024, 2**31 - 1])
def test_the_longest_waits_are_bounded(backed: Any, attempt: int) -> None:
    policy = Retry(backoff=backed, delay="36600d", cap="36600d", factor=1e308, jitter="none").policy
    assert backoff(policy, attempt, Dice(0.0)) == SPAN_MAX
