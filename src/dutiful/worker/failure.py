"""Turns what a task returned or raised into the outcome of its attempt, and never raises."""

from __future__ import annotations

import inspect
from datetime import timedelta
from typing import Any

from dutiful.core.errors import BadOption, StepNotRecorded, UsageError
from dutiful.core.grouped import leaves, members
from dutiful.core.instant import DAY, SPAN_MAX, span_up_to, within_years
from dutiful.core.outcome import (
    Cancel,
    Cancelled,
    Discard,
    Discarded,
    Failed,
    Outcome,
    Snooze,
    Snoozed,
    Succeeded,
    is_signal,
    verdicts,
)
from dutiful.core.payload import encode
from dutiful.core.retry import Retry, RetryPolicy

from .error_text import chain, name_of, name_of_type, text_of, trace_of, written

_DONE = Succeeded()
_PLAIN = frozenset((int, str, float, bool, bytes, dict, list, tuple))
"""The types that most tasks return."""
AFTER_MAX = 366 * DAY
"""The longest wait that an error of another service, such as HTTP, may ask for."""


def returned(value: Any, task: str, bytes_max: int) -> Outcome:
    """Return the outcome for a returned value: a signal, a result, or a value that is not allowed.

    A result that JSON cannot hold is not retried: the task's effects have happened.
    """
    if value is None:
        return _DONE
    try:
        if type(value) not in _PLAIN:
            if is_signal(value):
                return _signalled([value], value)
            if inspect.iscoroutine(value):
                value.close()
                why = "a coroutine that was not awaited; declare it with async def"
                return Failed("TypeError", f"{task} returned {why}", retryable=False)
        return Succeeded(encode(value, what=f"the result of {task}", bytes_max=bytes_max))
    except UsageError as error:
        return Failed(type(error).__name__, text_of(error), retryable=False)
    except BaseException as fault:  # noqa: BLE001 - a value's own code must not cost the slot
        what = f"what {task} returned, a {name_of_type(value)}, cannot be read: {text_of(fault)}"
        return Failed(name_of(fault), what, trace_of(fault), retryable=False)


def raised(error: BaseException, policy: RetryPolicy) -> Outcome:
    """Decide what an exception means, by the signals in it and by the task's policy.

    If the decision itself fails, for example because the policy is invalid, the attempt has failed
    and may be repeated.
    """
    try:
        return _judged(error, policy)
    except BaseException as fault:  # noqa: BLE001 - a slot must come free whatever is raised
        text = f"{text_of(error)} (judging it failed, too: {name_of(fault)}: {text_of(fault)})"
        return Failed(name_of(error), text, trace_of(error))


def stems_from(error: BaseException, kind: type[BaseException]) -> bool:
    """Whether an error, one in its group, or one of its causes is of a kind."""
    return any(issubclass(type(one), kind) for leaf in members(error) for one in chain(leaf))


def holds(error: BaseException, kind: type[BaseException]) -> bool:
    """Whether an error is of a kind, or is a group that contains one."""
    return any(issubclass(type(one), kind) for one in members(error))


def timed_out(seconds: float, policy: RetryPolicy) -> Failed:
    """Return the failure of an attempt that timed out; the policy may refuse to retry it."""
    text = f"the attempt took longer than its timeout of {seconds:g} s"
    judged = raised(TimeoutError(text), policy)
    return Failed("TimeoutError", text, retryable=getattr(judged, "retryable", True))


def _judged(error: BaseException, policy: RetryPolicy) -> Outcome:
    signals = [one for one in leaves(error) if is_signal(one)]
    if not signals:
        return _failed(error, policy, [])
    outcome = _signalled(signals, error)
    if isinstance(outcome, Discarded) or len(signals) == len(leaves(error)):
        return outcome
    failed = _failed(error, policy, signals)
    return Cancelled(outcome.why, failed) if isinstance(outcome, Cancelled) else failed


def _failed(error: BaseException, policy: RetryPolicy, signals: list[BaseException]) -> Failed:
    """Describe a failure; if several of its parts ask for a wait, the longest one counts."""
    delays, untils = _waits(signals)
    for one in verdicts(leaves(error)):
        if isinstance(one, Failed):
            delays += [one.after] if one.after is not None else []
            untils += [one.until] if one.until is not None else []
    asked = [wish for one in members(error) if (wish := _asked(one)) is not None]
    return Failed(
        type=name_of(error),
        message=text_of(error),
        traceback=trace_of(error),
        retryable=not stems_from(error, StepNotRecorded) and policy.retries(error),
        after=max([*asked, *delays], default=None),
        until=max(untils, default=None),
    )


def _signalled(signals: list[BaseException], error: BaseException) -> Outcome:
    """Return the outcome of a task's signals; the strongest of several counts.

    The order is Discard, Cancel, Retry, Snooze. The longest of several waits counts.
    """
    for one in signals:
        if isinstance(one, Discard):
            return Discarded(written(one.reason), trace_of(error))
    for one in signals:
        if isinstance(one, Cancel):
            return Cancelled(written(one.reason))
    delays, untils = _waits(signals)
    until = max(untils, default=None)
    for one in signals:
        if isinstance(one, Retry) and (misuse := one.misuse()) is not None:
            return Failed("BadOption", misuse, trace_of(error))
    for one in signals:
        if isinstance(one, Retry):
            return Failed("Retry", text_of(error), after=max(delays, default=None), until=until)
    if all(isinstance(one, Snooze) for one in signals):
        return Snoozed(max(delays, default=0), until)
    return Failed("Signal", f"{name_of_type(signals[0])} is not a signal that a worker knows")


def _waits(signals: list[BaseException]) -> tuple[list[int], list[int]]:
    """Return the durations and the instants that signals ask for; raises for other values.

    A signal may hold any value, because the task can change it.
    """
    delays: list[int] = []
    untils: list[int] = []
    for one in signals:
        if isinstance(one, Snooze):
            if one.outcome.until is not None:
                untils.append(_moment(one.outcome.until))
            else:
                delays.append(_delay(one.outcome.delay))
        elif isinstance(one, Retry) and one.after is not None:
            delays.append(_delay(one.after))
    return delays, untils


def _delay(value: Any) -> int:
    if not 0 <= _whole(value) <= SPAN_MAX:
        raise BadOption(f"the signal asks to wait for {value} microseconds, over the limit")
    return _whole(value)


def _moment(value: Any) -> int:
    return within_years(_whole(value), value)


def _whole(value: Any) -> int:
    if type(value) is not int:
        raise BadOption(f"the signal asks to wait for {written(value)}, which is not a time")
    return value


def _asked(error: BaseException) -> int | None:
    """Microseconds that the error itself asks to wait, as errors of HTTP clients do."""
    try:
        wish = getattr(error, "retry_after", None)
        if isinstance(wish, int | float | str | timedelta) and not isinstance(wish, bool):
            asked = float(wish) if isinstance(wish, str) and wish.isdecimal() else wish
            return span_up_to(asked, AFTER_MAX)
    except BaseException:  # noqa: BLE001 - a broken property must not hide the failure
        return None
    return None
