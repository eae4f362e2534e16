"""Steps through the code of an attempt, and ends a forked copy of this process in it."""

from __future__ import annotations

import types
from collections.abc import Awaitable, Callable, Coroutine, Generator
from types import CoroutineType
from typing import Any, TypeVar, cast

from dutiful.worker import forks

T = TypeVar("T")


class Awaited(RuntimeError):
    """A copy got as far as an await, which only the loop of the original could answer."""

    def __init__(self) -> None:
        """Say what the copy may do instead."""
        super().__init__(
            "a copy that a task forked cannot await on the worker's loop; use asyncio.run() there, "
            "or end it with os._exit()"
        )


@types.coroutine
def stepped(given: Awaitable[T]) -> Generator[Any, Any, T]:
    """Await the code of an attempt; a forked copy of this process ends where that awaits.

    What the code raises is for the caller to catch. It costs less than `contained.Contained`.
    """
    origin = forks.this_process
    is_coroutine = type(given) is CoroutineType
    inner = cast(Coroutine[Any, Any, T], given) if is_coroutine else _awaiting(given)
    try:
        awaited = inner.send(None)
    except StopIteration as end:  # as many do that never wait
        result: T = end.value
        return result
    return (yield from _resumed(inner, awaited, origin))


def _resumed(
    inner: Coroutine[Any, Any, T], awaited: Any, origin: forks.Origin
) -> Generator[Any, Any, T]:
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


async def _awaiting(given: Awaitable[T]) -> T:
    return await given
