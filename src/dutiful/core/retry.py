"""When a failed job is tried again: policies, their jitter, and what a task says for itself."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence, Set
from datetime import timedelta
from types import UnionType
from typing import Any, Literal, Protocol, TypeGuard, TypeVar, get_args

import msgspec

from .errors import BadOption
from .grouped import leaves, members
from .instant import SECOND, span, spell
from .outcome import Failed, Judged, Signal, verdicts
from .text import shown

Backoff = Literal["fixed", "linear", "exponential"]
Jitter = Literal["full", "equal", "none"]
W = TypeVar("W", bound=str)
Error = type[BaseException]
Errors = Error | UnionType | Sequence[Error | UnionType] | Set[Error]

_BACKOFFS = ("fixed", "linear", "exponential")
_JITTERS = ("full", "equal", "none")

ATTEMPTS_MAX = 2**31 - 1
"""What four bytes hold, as stores keep it."""
_DEPTH_MAX = 10


class Random(Protocol):
    """The one thing that core asks of a source of chance."""

    def random(self) -> float:
        """Return a number from 0.0 up to, not including, 1.0."""
        ...


class RetryPolicy(msgspec.Struct, frozen=True):
    """How often and how soon; spans are microseconds."""

    max_attempts: int = 20
    backoff: Backoff = "exponential"
    delay: int = 2 * SECOND
    factor: float = 2.0
    cap: int = 3600 * SECOND
    jitter: Jitter = "equal"
    within: int | None = None
    """No attempt starts later than this after the job was enqueued (or redriven)."""
    on: tuple[type[BaseException], ...] | None = None
    never: tuple[type[BaseException], ...] = ()

    def retries(self, error: BaseException) -> bool:
        """Whether this kind of error may be tried again: ``never`` wins over ``on``.

        In a group, one error that ``never`` names is enough; ``on`` must name all of its errors, or
        the group itself. Signals in it are ignored here. What was judged elsewhere stays so.
        """
        judged = verdicts(leaves(error))
        if any(isinstance(one, Failed) and not one.retryable for one in judged):
            return False
        if self.never and any(isinstance(one, self.never) for one in members(error)):
            return False
        return self.on is None or self._named(error, self.on)

    def _named(self, error: BaseException, on: tuple[type[BaseException], ...]) -> bool:
        if isinstance(error, on):
            return True
        inner = [one for one in leaves(error) if not issubclass(type(one), Signal)]
        named = (issubclass(type(one), Judged) or isinstance(one, on) for one in inner)
        return bool(inner) and all(named)


def backoff(policy: RetryPolicy, attempt: int, rng: Random) -> int:
    """Microseconds to wait after ``attempt`` failed attempts (1 or more), jitter included.

    Full jitter draws from [0, d), equal jitter from [d/2, d): the two rules of "Exponential
    Backoff And Jitter" (AWS Architecture Blog, 2015). The cap holds after the jitter, too.
    """
    if policy.backoff == "fixed":
        wait = float(policy.delay)
    elif policy.backoff == "linear":
        wait = float(policy.delay) * attempt
    else:
        try:
            wait = policy.delay * policy.factor ** (attempt - 1)
        except OverflowError:  # 2.0 ** 1100
            wait = float(policy.cap if policy.delay else 0)
    wait = min(wait, float(policy.cap))
    if policy.jitter == "full":
        wait *= rng.random()
    elif policy.jitter == "equal":
        wait *= 0.5 + rng.random() / 2
    return int(wait)


class Retry(Signal):
    """A retry policy for ``@task(retry=...)``; raised or returned in a task: "try me again".

    As a policy: at most ``max_attempts`` attempts, waiting ``delay`` (fixed), ``delay * n``
    (linear) or ``delay * factor ** (n - 1)`` (exponential), never more than ``cap``, with
    ``full``, ``equal`` or no jitter; ``on`` and ``never`` choose by exception, one class or a list
    of them; ``within`` bounds the time since the enqueue. As a signal: the attempt is spent, and
    the next starts ``after`` the given time, or when the policy says. Each keyword belongs to one
    of the two.
    """

    def __init__(
        self,
        *,
        after: str | float | timedelta | None = None,
        max_attempts: int = 20,
        backoff: Backoff = "exponential",
        delay: str | float | timedelta = 2,
        factor: float = 2.0,
        cap: str | float | timedelta = "1h",
        jitter: Jitter = "equal",
        within: str | float | timedelta | None = None,
        on: Errors | None = None,
        never: Errors = (),
    ) -> None:
        """Check every part immediately, so that a mistake shows at import time."""
        self.policy = RetryPolicy(
            max_attempts=attempts(max_attempts),
            backoff=_word("backoff", backoff, _BACKOFFS),
            delay=_span("delay", delay),
            factor=_factor(factor),
            cap=_span("cap", cap),
            jitter=_word("jitter", jitter, _JITTERS),
            within=None if within is None else _span("within", within),
            on=None if on is None else _types("on", on),
            never=_types("never", never),
        )
        self.after = None if after is None else _span("after", after)
        usual = RetryPolicy()
        names = RetryPolicy.__struct_fields__
        self._said = [one for one in names if getattr(self.policy, one) != getattr(usual, one)]
        if after is not None and self._said:
            raise BadOption(
                f"after= and {self._said[0]}= do not go together: raise Retry(after=...) in a "
                "task, and give the rest to @app.task(retry=Retry(...))"
            )
        super().__init__("retry" if after is None else f"retry after {_spelled(after)}")

    def misuse(self) -> str | None:
        """Say what to write instead when a task raised a policy, which belongs to @app.task."""
        if not self._said:
            return None
        return (
            f"{self._said[0]}= belongs to @app.task(retry=Retry(...)) and does nothing in a Retry "
            f'that is raised; write raise Retry(after="{spell(self.policy.delay)}")'
        )


def _spelled(value: str | float | timedelta) -> str:
    """Write a span as it was given, cut short."""
    return shown(value).strip("'") if isinstance(value, str) else str(value)


def _span(name: str, value: str | float | timedelta) -> int:
    try:
        return span(value)
    except BadOption as error:
        raise BadOption(f"{name}: {error}") from error


def _word(name: str, value: W, words: tuple[str, ...]) -> W:
    if value not in words:
        raise BadOption(f"{name}={shown(value)}; choose one of {', '.join(words)}")
    return value


def _factor(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BadOption(f"factor={shown(value)}; use a number")
    if not value >= 1:
        raise BadOption(f"factor={value}; use 1 or more, or the delays would shrink")
    try:
        factor = float(value)
    except OverflowError:
        factor = math.inf
    if math.isinf(factor):
        raise BadOption(f"factor={shown(value)}; use a smaller number")
    return factor


def _types(name: str, errors: Any) -> tuple[Error, ...]:
    """Return exception classes as one tuple, from nested lists of them."""
    return tuple(dict.fromkeys(_each(name, errors, 0)))


def _each(name: str, errors: Any, depth: int) -> Iterator[Error]:
    if _is_error(errors):
        yield errors
    elif depth < _DEPTH_MAX and _is_group(errors):
        for one in _members(errors):
            yield from _each(name, one, depth + 1)
    else:
        raise BadOption(_no_class(name, errors))


def _is_error(value: object) -> TypeGuard[Error]:
    return isinstance(value, type) and issubclass(value, BaseException)


def _no_class(name: str, given: object) -> str:
    hint = f"give classes, such as {name}=[ConnectionError, TimeoutError]"
    if isinstance(given, BaseException):
        hint = f"write the class, {name}={type(given).__name__}"
    return f"{name}: {shown(given)} is not an exception class; {hint}"


def _members(errors: Any) -> Iterable[Any]:
    if isinstance(errors, UnionType):
        return get_args(errors)
    members: Iterable[Any] = errors
    return members


def _is_group(errors: Any) -> TypeGuard[Sequence[Any] | Set[Any] | UnionType]:
    return isinstance(errors, list | tuple | set | frozenset | UnionType)


def attempts(number: int) -> int:
    """Return a number of attempts that a job may have; BadOption for any other.

    >>> attempts(20)
    20
    """
    if type(number) is not int:
        raise BadOption(f"max_attempts={shown(number)}; use a whole number")
    if number < 1:
        raise BadOption(f"max_attempts={shown(number)}; a job needs at least one attempt")
    if number > ATTEMPTS_MAX:
        raise BadOption(f"max_attempts={shown(number)}; use at most {ATTEMPTS_MAX:,}")
    return number
