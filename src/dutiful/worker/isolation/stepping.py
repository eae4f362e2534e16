"""Runs the coroutine of an attempt step by step, and ends a forked copy of this process in it."""

from __future__ import annotations

import types
from collections.abc import Awaitable, Callable, Coroutine, Generator
from typing import Any, TypeVar

from dutiful.worker import forks

T = TypeVar("T")
Code = Coroutine[Any, Any, Any]
COROUTINE: Any = types.CoroutineType
"""The type of most tasks' coroutines, without type parameters, which are not known."""


class Awaited(RuntimeError):
    """A forked copy reached an await, which only the loop of the original could answer."""

    def __init__(self) -> None:
        """Word the error, with what the copy may do instead."""
        super().__init__(
            "a copy that a task forked cannot await on the worker's loop; use asyncio.run() there, "
            "or end it with os._exit()"
        )


@types.coroutine
def resumed(
    inner: Coroutine[Any, Any, T], awaited: Any, origin: forks.ProcessOrigin
) -> Generator[Any, Any, T]:
    """Await the rest of an attempt's coroutine, which waits for ``awaited`` now.

    A forked copy of the process ends here. The caller catches what the coroutine raises. This is
    cheaper than `contained.Contained`.
    """
    resume: Callable[[Any], Any]
    while True:
        if forks.this_process is not origin:
            forks.leave(Awaited())
        try:
            value = yield awaited
            resume = inner.send
        except GeneratorExit:
            inner.close()
            raise
        except BaseException as error:  # noqa: BLE001 - it is for the inner one to take
            resume, value = inner.throw, error
        try:
            awaited = resume(value)
        except StopIteration as end:
            result: T = end.value
            return result
        finally:
            del value  # an exception and this frame would keep each other


async def awaiting(given: Awaitable[T]) -> T:
    """Await an awaitable that is not a coroutine."""
    return await given
