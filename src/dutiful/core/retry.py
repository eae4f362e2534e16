"""When a failed job is tried again: policies, their jitter, and what a task says for itself."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal, Protocol

import msgspec

from .errors import BadOption
from .instant import SECOND, span
from .outcome import Signal

Backoff = Literal["fixed", "linear", "exponential"]
Jitter = Literal["full", "equal", "none"]
Errors = type[BaseException] | tuple[type[BaseException], ...]

_BACKOFFS = ("fixed", "linear", "exponential")
_JITTERS = ("full", "equal", "none")

_ATTEMPTS_MAX = 2**31 - 1
"""What four bytes hold, as stores keep it."""


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
        """Whether this kind of error may be tried again: ``never`` wins over ``on``."""
        if self.never and isinstance(error, self.never):
            return False
        return self.on is None or isinstance(error, self.on)


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
    ``full``, ``equal`` or no jitter; ``on`` and ``never`` choose by exception; ``within`` bounds
    the time since the enqueue. As a signal: the attempt is spent, and the next starts ``after``
    the given time, or when the policy says.
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
        """Check every part at once, so that a mistake shows at import time."""
        attempts(max_attempts)
        if backoff not in _BACKOFFS:
            raise BadOption(f"backoff={backoff!r}; choose one of {', '.join(_BACKOFFS)}")
        if jitter not in _JITTERS:
            raise BadOption(f"jitter={jitter!r}; choose one of {', '.join(_JITTERS)}")
        if not factor >= 1:
            raise BadOption(f"factor={factor}; use 1 or more, or the delays would shrink")
        self.after = None if after is None else span(after)
        self.policy = RetryPolicy(
            max_attempts=max_attempts,
            backoff=backoff,
            delay=span(delay),
            factor=factor,
            cap=span(cap),
            jitter=jitter,
            within=None if within is None else span(within),
            on=None if on is None else _types(on),
            never=_types(never),
        )
        super().__init__("retry" if after is None else f"retry after {after}")


def _types(errors: Errors) -> tuple[type[BaseException], ...]:
    return errors if isinstance(errors, tuple) else (errors,)


def attempts(number: int) -> int:
    """Return a number of attempts that a job may have; BadOption for any other.

    >>> attempts(20)
    20
    """
    if number < 1:
        raise BadOption(f"max_attempts={number}; a job needs at least one attempt")
    if number > _ATTEMPTS_MAX:
        raise BadOption(f"max_attempts={number}; use at most {_ATTEMPTS_MAX:,}")
    return number
