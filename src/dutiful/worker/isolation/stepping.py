"""Steps through the code of an attempt, and ends a forked copy of this process in it."""

from __future__ import annotations

import types
from collections.abc import Awaitable, Callable, Coroutine, Generator
from typing import Any, TypeVar

from dutiful.worker import forks

T = TypeVar("T")
Code = Coroutine[Any, Any, Any]
COROUTINE: Any = types.CoroutineType
"""The type of most tasks' code, without type parameters, which nobody knows."""


class Awaited(RuntimeError):
    """A copy got as far as an await, which only the loop of the original could answer."""

    def __init__(self) -> None:
        """Say what the copy may do instead."""
        super().__init__(
            "a copy that a task forked cannot await on the worker's loop; use asyncio.run() there, "
            "or end it with os._exit()"
        )


@types.coroutine
def resumed(
    inner: Coroutine[Any, Any, T], awaited: Any, origin: forks.ProcessOrigin
) -> Generator[Any, Any, T]:
    """Await the rest of a coroutine of an attempt, which waits for ``awaited`` now.

    A forked copy of the process ends here. What the coroutine raises is for the caller to catch. It
    costs less than `contained.Contained`.
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
    """Await what is no coroutine itself."""
    return await given
