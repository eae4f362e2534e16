"""Judging an error ends in an outcome, whatever the error, the signal or the policy is."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, cast

import msgspec
import pytest

from dutiful import Cancel, Discard, Retry, Snooze, StepNotRecorded
from dutiful.core.instant import HOUR, MINUTE, SECOND
from dutiful.core.outcome import Cancelled, Discarded, Failed, Outcome, Signal, Snoozed
from dutiful.core.retry import RetryPolicy
from dutiful.worker.failure import raised, returned, timed_out

PLAIN = RetryPolicy()
MOMENT = 1_900_000_000 * SECOND


def _exits(*_: object) -> Any:
    raise SystemExit("from within")


trap: Any = property(_exits)


class Liar(Exception):
    __class__ = trap


class Texts(Exception):
    __str__ = __repr__ = cast(Any, _exits)


class Wishes(Exception):
    retry_after = trap


class Chains(Exception):
    __traceback__ = __cause__ = __context__ = trap


class Sneaky(str):
    __len__ = __format__ = __str__ = encode = cast(Any, _exits)


class Meta(type):
    __module__ = trap

    def __instancecheck__(cls, instance: object) -> bool:
        raise ZeroDivisionError("as a policy")


class Odd(Exception, metaclass=Meta): ...


class Fake(BaseExceptionGroup[Exception]):
    exceptions = trap


def stripped(kind: type[Signal]) -> BaseException:
    """Make a signal that never ran its own beginning."""
    return kind.__new__(kind)


def changed(signal: BaseException, **attributes: Any) -> BaseException:
    for name, value in attributes.items():
        setattr(signal, name, value)
    return signal


def nested(depth: int, error: Exception) -> Exception:
    for _ in range(depth):
        error = ExceptionGroup("deeper", [error])
    return error


def looped() -> Exception:
    one, two = ValueError("one"), ValueError("two")
    one.__context__, two.__context__ = two, one
    return one


def chained(length: int) -> BaseException:
    error: BaseException = ValueError("first")
    for number in range(length):
        after = ValueError(str(number))
        after.__cause__ = error
        error = after
    return error


HOSTILE: list[Callable[[], BaseException]] = [
    lambda: Liar("x"),
    Texts,
    Wishes,
    Chains,
    Odd,
    lambda: ValueError(Sneaky("x")),
    lambda: Fake("f", [ValueError("x")]),
    lambda: nested(5_000, ValueError("x")),
    lambda: ExceptionGroup("wide", [ValueError(str(number)) for number in range(20_000)]),
    looped,
    lambda: chained(100_000),
    lambda: ValueError("\0\ud800" * 100_000),
    lambda: type("N" * 100_000, (Exception,), {})("x"),
    lambda: Discard(cast(str, Texts())),
    lambda: Cancel(cast(str, Texts())),
    lambda: Discard(Sneaky("x")),
    lambda: changed(Snooze(1), outcome=Snoozed(2**80)),
    lambda: changed(Snooze(1), outcome=Snoozed(until=2**63)),
    lambda: changed(Snooze(1), outcome="soon"),
    lambda: changed(Retry(after=1), after=-1),
    lambda: changed(Retry(after=1), after=1.5),
    lambda: changed(Retry(after=1), after=2**80),
    lambda: stripped(Snooze),
    lambda: stripped(Discard),
    lambda: stripped(Cancel),
    lambda: stripped(Retry),
    lambda: type("Own", (Signal,), {})("x"),
    lambda: ExceptionGroup("g", [Liar("x"), Texts(), Wishes(), Chains(), Odd()]),
    lambda: ExceptionGroup("g", [Liar("x"), Discard(cast(str, Texts()))]),
]


@pytest.mark.parametrize("number", range(len(HOSTILE)))
def test_whatever_is_raised_ends_in_an_outcome_that_can_be_kept(number: int) -> None:
    for policy in (PLAIN, RetryPolicy(on=(Odd,)), RetryPolicy(never=(Odd,))):
        _storable(raised(HOSTILE[number](), policy))
    _storable(returned(HOSTILE[number](), "task", 1000))


@pytest.mark.parametrize("rubbish", [[ConnectionError], "X", ValueError(), 5, (1, 2), {}])
def test_a_policy_that_is_none_fails_the_attempt_and_says_so(rubbish: Any) -> None:
    for policy in (RetryPolicy(on=rubbish), RetryPolicy(never=rubbish or [1])):
        outcome = raised(ConnectionError("away"), policy)
        assert isinstance(outcome, Failed)
        assert (outcome.type, outcome.retryable) == ("ConnectionError", True)
        assert outcome.message.startswith("away (judging it failed, too: TypeError")
        assert isinstance(timed_out(3, policy), Failed)


class Result:
    __class__ = trap


class Dumps:
    def model_dump(self, mode: str) -> object:
        raise SystemExit("half way")

    def model_validate_json(self, raw: bytes) -> None: ...


@pytest.mark.parametrize("number", range(4))
def test_whatever_is_returned_ends_in_an_outcome_that_is_not_tried_again(number: int) -> None:
    outcome = returned([Result(), Dumps(), [Dumps()], {Texts(): 1}][number], "task", 1000)
    _storable(outcome)
    assert isinstance(outcome, Failed)
    assert not outcome.retryable


@pytest.mark.parametrize(
    ("inside", "outcome"),
    [
        ([Snooze("1h")], Snoozed(HOUR)),
        ([Snooze("1h"), Snooze("2h")], Snoozed(2 * HOUR)),
        ([Retry(after="5m")], Failed("Retry", "", after=5 * MINUTE)),
        ([Snooze("1h"), Retry(after="5m")], Failed("Retry", "", after=HOUR)),
        ([Snooze("1h"), Cancel("no"), Retry()], Cancelled("no")),
        ([Cancel("no"), Discard("gone"), ValueError("x")], Discarded("gone")),
        ([ExceptionGroup("deep", [ValueError("x"), Discard("gone")])], Discarded("gone")),
        ([ValueError("x"), Snooze("1h")], Failed("ExceptionGroup", "", after=HOUR)),
        ([ValueError("x"), Retry(after="5m")], Failed("ExceptionGroup", "", after=5 * MINUTE)),
        ([ValueError("x")], Failed("ExceptionGroup", "")),
        ([Cancel("no"), ValueError("x")], Cancelled("no", Failed("ExceptionGroup", ""))),
    ],
    ids=str,
)
def test_the_strongest_signal_of_a_group_counts(inside: list[Any], outcome: Outcome) -> None:
    said = raised(ExceptionGroup("several", inside), PLAIN)
    assert _without_words(said) == _without_words(outcome)


def test_a_moment_beside_an_error_is_obeyed() -> None:
    snooze = changed(Snooze(1), outcome=Snoozed(until=MOMENT))
    said = raised(BaseExceptionGroup("several", [snooze, ValueError("x")]), PLAIN)
    assert isinstance(said, Failed)
    assert said.until == MOMENT


@pytest.mark.parametrize(
    ("on", "never", "inside", "retryable"),
    [
        ((OSError,), (), [ConnectionError(), TimeoutError()], True),
        ((OSError,), (), [ConnectionError(), ValueError()], False),
        ((OSError,), (), [ExceptionGroup("", [ConnectionError()])], True),
        ((OSError,), (), [ConnectionError(), Snooze(5)], True),
        (None, (ValueError,), [ConnectionError(), ValueError()], False),
        (None, (ValueError,), [ExceptionGroup("", [ValueError()])], False),
        (None, (ValueError,), [ValueError(), Retry(after=1)], False),
        ((ExceptionGroup,), (), [ValueError()], True),
        (None, (ExceptionGroup,), [ValueError()], False),
        ((Exception,), (), [ValueError()], True),
    ],
)
def test_policies_look_at_the_errors_in_a_group(
    on: Any, never: Any, inside: list[Exception], retryable: bool
) -> None:
    said = raised(ExceptionGroup("several", inside), RetryPolicy(on=on, never=never))
    assert isinstance(said, Failed)
    assert said.retryable is retryable


def test_the_longest_wait_that_errors_in_a_group_ask_for_is_obeyed() -> None:
    inside = [changed(ValueError(), retry_after=5), changed(ValueError(), retry_after="30")]
    said = raised(BaseExceptionGroup("several", inside), PLAIN)
    assert isinstance(said, Failed)
    assert said.after == 30 * SECOND


def test_a_group_is_told_with_its_errors_and_kept_whole() -> None:
    said = raised(ExceptionGroup("several", [ValueError("one"), KeyError("two")]), PLAIN)
    assert isinstance(said, Failed)
    assert said.message == "several (2 sub-exceptions): ValueError: one; KeyError: 'two'"
    assert "ValueError: one" in said.traceback
    assert "KeyError: 'two'" in said.traceback
    said = raised(ExceptionGroup("many", [ValueError(number) for number in range(5)]), PLAIN)
    assert isinstance(said, Failed)
    assert said.message == (
        "many (5 sub-exceptions): ValueError: 0; ValueError: 1; ValueError: 2; and 2 more"
    )


def test_a_step_whose_record_failed_is_not_repeated_whatever_it_is_wrapped_in() -> None:
    for error in (StepNotRecorded("x"), ExceptionGroup("", [StepNotRecorded("x")]), _wrapped()):
        said = raised(error, PLAIN)
        assert isinstance(said, Failed)
        assert not said.retryable


def _wrapped() -> Exception:
    error = RuntimeError("cleaning up failed, too")
    error.__context__ = StepNotRecorded("x")
    return error


async def test_a_signal_in_a_task_group_counts() -> None:
    async def gives_up() -> None:
        raise Discard("gone")

    async def both() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(asyncio.sleep(30))
            group.create_task(gives_up())

    with pytest.raises(ExceptionGroup) as caught:
        await both()
    assert isinstance(raised(caught.value, PLAIN), Discarded)


def _without_words(outcome: Outcome) -> object:
    plain: dict[str, Any] = msgspec.to_builtins(outcome)
    for words in (plain, plain.get("error") or {}):
        words.pop("traceback", None)
        words.pop("message", None)
    return type(outcome), plain


def _storable(outcome: Outcome) -> None:
    plain = msgspec.to_builtins(outcome)
    for value in plain.values():
        if type(value) is int:
            assert abs(value) < 2**62
        elif type(value) is str:
            assert "\0" not in value.encode().decode()
            assert len(value) < 16_100
        else:
            assert value is None or type(value) is bool


@pytest.mark.parametrize("over", [0, 1])
def test_text_and_traceback_are_kept_up_to_the_lengths_that_the_guide_names(over: int) -> None:
    said = raised(ValueError("x" * (4_000 + over)), PLAIN)
    assert isinstance(said, Failed)
    assert ("1 characters left out" in said.message) is bool(over)
    said = raised(ValueError("x" * (16_000 - len("ValueError: \n") + over)), PLAIN)
    assert isinstance(said, Failed)
    assert ("1 characters left out" in said.traceback) is bool(over)


@pytest.mark.parametrize(("count", "many"), [(50, False), (51, True)])
def test_a_chain_is_told_up_to_the_count_that_the_guide_names(count: int, many: bool) -> None:
    error: BaseException | None = None
    for number in range(count):
        last, error = error, ValueError(number)
        error.__cause__ = last
    assert error is not None
    said = raised(error, PLAIN)
    assert isinstance(said, Failed)
    assert ("they are many" in said.traceback) is many


@pytest.mark.parametrize(("count", "many"), [(199, False), (201, True)])
def test_a_group_is_told_up_to_the_count_that_the_guide_names(count: int, many: bool) -> None:
    said = raised(ExceptionGroup("", [ValueError(number) for number in range(count)]), PLAIN)
    assert isinstance(said, Failed)
    assert ("they are many" in said.traceback) is many
