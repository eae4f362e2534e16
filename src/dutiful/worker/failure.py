"""Turns what a task returned or raised into the outcome of its attempt."""

from __future__ import annotations

import inspect
import traceback
from datetime import timedelta
from typing import Any

from dutiful.core.errors import BadOption, UsageError
from dutiful.core.instant import DAY, span_up_to
from dutiful.core.outcome import (
    Cancel,
    Cancelled,
    Discard,
    Discarded,
    Failed,
    Outcome,
    Signal,
    Snooze,
    Succeeded,
)
from dutiful.core.payload import encode
from dutiful.core.retry import Retry, RetryPolicy

_DONE = Succeeded()
MESSAGE_MAX = 4_000
TRACEBACK_MAX = 16_000
AFTER_MAX = 366 * DAY
"""The longest wait that an error from the outside world may ask for."""


def returned(value: Any, task: str, bytes_max: int) -> Outcome:
    """Judge a returned value: a signal, a result, or something that no job may return.

    A result that JSON cannot hold is not retried: the task's effects have happened.
    """
    if value is None:
        return _DONE
    if isinstance(value, Signal):
        return signalled(value)
    if inspect.iscoroutine(value):
        value.close()
        text = f"{task} returned a coroutine that nobody awaited; declare it with async def"
        return Failed("TypeError", text, retryable=False)
    try:
        return Succeeded(encode(value, what=f"the result of {task}", bytes_max=bytes_max))
    except UsageError as error:
        return Failed(type(error).__name__, str(error), retryable=False)


def raised(error: BaseException, policy: RetryPolicy) -> Outcome:
    """Judge an exception by the task's policy; never raises, whatever the exception does."""
    if isinstance(error, Signal):
        return signalled(error)
    return Failed(
        type=_name(error),
        message=_clip(_writable(_text(error)), MESSAGE_MAX),
        traceback=_trace(error),
        retryable=policy.retries(error),
        after=_asked(error),
    )


def signalled(signal: Signal) -> Outcome:
    """Translate what a task said for itself."""
    match signal:
        case Retry():
            if (misuse := signal.misuse()) is not None:
                return Failed("BadOption", misuse, _trace(signal))
            return Failed("Retry", _text(signal), after=signal.after)
        case Snooze():
            return signal.outcome
        case Discard():
            return Discarded(_clip(_writable(str(signal.reason)), MESSAGE_MAX), _trace(signal))
        case Cancel():
            return Cancelled(_clip(_writable(str(signal.reason)), MESSAGE_MAX))
        case _:
            return Failed("Signal", f"{type(signal).__name__} is no signal that a worker knows")


def timed_out(seconds: float, policy: RetryPolicy) -> Failed:
    """Word the end of an attempt that took too long; the policy may refuse to try such again."""
    text = f"the attempt took longer than its timeout of {seconds:g} s"
    return Failed("TimeoutError", text, retryable=policy.retries(TimeoutError(text)))


def _asked(error: BaseException) -> int | None:
    """Microseconds that the error itself asks to wait, as HTTP clients' errors do."""
    try:
        wish = getattr(error, "retry_after", None)
    except Exception:  # noqa: BLE001 - a broken property must not hide the failure
        return None
    if isinstance(wish, int | float | str | timedelta) and not isinstance(wish, bool):
        try:
            asked = float(wish) if isinstance(wish, str) and wish.isdecimal() else wish
            return span_up_to(asked, AFTER_MAX)
        except BadOption:
            return None
    return None


def _name(error: BaseException) -> str:
    kind = type(error)
    if kind.__module__ in ("builtins", "__main__"):
        return kind.__qualname__
    return f"{kind.__module__}.{kind.__qualname__}"


def _text(error: BaseException) -> str:
    try:
        return str(error)
    except BaseException:  # noqa: BLE001 - a broken __str__ must not hide the failure
        return "(its text could not be read)"


def _trace(error: BaseException) -> str:
    """Format the traceback from the task's own frame on; ours say nothing to its author."""
    first = error.__traceback__
    while first is not None and _ours(first.tb_frame.f_globals.get("__name__", "")):
        first = first.tb_next
    try:
        lines = traceback.format_exception(type(error), error, first or error.__traceback__)
    except BaseException:  # noqa: BLE001 - see _text
        return ""
    return _clip(_writable("".join(lines)), TRACEBACK_MAX)


def _ours(module: str) -> bool:
    return module == "dutiful" or module.startswith("dutiful.")


def _writable(text: str) -> str:
    """Spell out what no store can hold as text: lone surrogates, as file names have, and NUL."""
    return text.encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00")


def _clip(text: str, most: int) -> str:
    if len(text) <= most:
        return text
    half = most // 2
    return f"{text[:half]}\n... {len(text) - most} characters left out ...\n{text[-half:]}"
