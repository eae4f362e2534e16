"""``@app.task``: turns a function into a task and keeps its signature for type checkers.

The overloads take the context out of what ``enqueue`` asks for: where it is the last of up to
four positional parameters, or the first of any number. `Anything` stands in front of each, so
that a parameter typed ``Any`` or ``object`` is not mistaken for the context.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import (
    Any,
    Concatenate,
    Literal,
    ParamSpec,
    Protocol,
    TypedDict,
    TypeVar,
    Unpack,
    overload,
)

from dutiful.core.retry import Retry
from dutiful.core.unique import Unique

from .context import Context
from .options import Span
from .task import Task

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")
A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")
D = TypeVar("D")

Async = Coroutine[Any, Any, T]


class Anything:
    """Accepted only by parameters that accept everything."""


class TaskOptions(TypedDict, total=False):
    """What ``@app.task(...)`` takes."""

    name: str
    queue: str
    retry: Retry
    timeout: Span
    hard_timeout: Span
    cpu: bool
    priority: int
    unique: str | Unique | bool
    expires_in: Span
    tags: tuple[str, ...] | list[str]
    capture_logs: bool | Literal["off", "debug", "info", "warning", "error", "critical"]


class TaskDecorator(Protocol):
    """Takes a function, or options and then a function."""

    @overload
    def __call__(self, fn: Callable[[A, Anything], Async[T]], /) -> Task[[A, Any], Async[T], T]: ...

    @overload
    def __call__(  # type: ignore[overload-overlap]  # async first
        self, fn: Callable[[A, Anything], R], /
    ) -> Task[[A, Any], R, R]: ...

    @overload
    def __call__(self, fn: Callable[[A, Context], Async[T]], /) -> Task[[A], Async[T], T]: ...

    @overload
    def __call__(  # type: ignore[overload-overlap]  # async first
        self, fn: Callable[[A, Context], R], /
    ) -> Task[[A], R, R]: ...

    @overload
    def __call__(
        self, fn: Callable[[A, B, Anything], Async[T]], /
    ) -> Task[[A, B, Any], Async[T], T]: ...

    @overload
    def __call__(  # type: ignore[overload-overlap]  # async first
        self, fn: Callable[[A, B, Anything], R], /
    ) -> Task[[A, B, Any], R, R]: ...

    @overload
    def __call__(self, fn: Callable[[A, B, Context], Async[T]], /) -> Task[[A, B], Async[T], T]: ...

    @overload
    def __call__(  # type: ignore[overload-overlap]  # async first
        self, fn: Callable[[A, B, Context], R], /
    ) -> Task[[A, B], R, R]: ...

    @overload
    def __call__(
        self, fn: Callable[[A, B, C, Anything], Async[T]], /
    ) -> Task[[A, B, C, Any], Async[T], T]: ...

    @overload
    def __call__(  # type: ignore[overload-overlap]  # async first
        self, fn: Callable[[A, B, C, Anything], R], /
    ) -> Task[[A, B, C, Any], R, R]: ...

    @overload
    def __call__(
        self, fn: Callable[[A, B, C, Context], Async[T]], /
    ) -> Task[[A, B, C], Async[T], T]: ...

    @overload
    def __call__(  # type: ignore[overload-overlap]  # async first
        self, fn: Callable[[A, B, C, Context], R], /
    ) -> Task[[A, B, C], R, R]: ...

    @overload
    def __call__(
        self, fn: Callable[[A, B, C, D, Anything], Async[T]], /
    ) -> Task[[A, B, C, D, Any], Async[T], T]: ...

    @overload
    def __call__(  # type: ignore[overload-overlap]  # async first
        self, fn: Callable[[A, B, C, D, Anything], R], /
    ) -> Task[[A, B, C, D, Any], R, R]: ...

    @overload
    def __call__(
        self, fn: Callable[[A, B, C, D, Context], Async[T]], /
    ) -> Task[[A, B, C, D], Async[T], T]: ...

    @overload
    def __call__(  # type: ignore[overload-overlap]  # async first
        self, fn: Callable[[A, B, C, D, Context], R], /
    ) -> Task[[A, B, C, D], R, R]: ...

    @overload
    def __call__(
        self, fn: Callable[Concatenate[Anything, P], Async[T]], /
    ) -> Task[Concatenate[Any, P], Async[T], T]: ...

    @overload
    def __call__(
        self, fn: Callable[Concatenate[Anything, P], R], /
    ) -> Task[Concatenate[Any, P], R, R]: ...

    @overload
    def __call__(
        self, fn: Callable[Concatenate[Context, P], Async[T]], /
    ) -> Task[P, Async[T], T]: ...

    @overload
    def __call__(self, fn: Callable[Concatenate[Context, P], R], /) -> Task[P, R, R]: ...

    @overload
    def __call__(self, fn: Callable[P, Async[T]], /) -> Task[P, Async[T], T]: ...

    @overload
    def __call__(self, fn: Callable[P, R], /) -> Task[P, R, R]: ...

    @overload
    def __call__(self, /, **options: Unpack[TaskOptions]) -> TaskDecorator: ...

    def __call__(self, fn: Any = None, /, **options: Unpack[TaskOptions]) -> Any:
        """Register a function as a task; raises BadOption or DuplicateTask at import time."""
        ...
