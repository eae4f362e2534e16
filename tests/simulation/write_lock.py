"""The write lock of a store that a task's open transaction keeps all others from writing to."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from contextvars import Context
from typing import Any, Protocol

from .loop import SimLoop
from .threads import present


class Holder(Protocol):
    """Who may hold the lock."""

    @property
    def over(self) -> bool:
        """Whether it holds the lock no more."""
        ...


Waiting = tuple[Callable[..., Any], tuple[Any, ...], Context]


class WriteLock:
    """Lets one writer in at a time; the others wait, in virtual time, in the order they came.

    Tasks wait in a line of their own, of which the first stands behind all who wait already.
    """

    def __init__(self, loop: SimLoop) -> None:
        self._loop = loop
        self._holder: Holder | None = None
        self._calls: deque[Waiting] = deque()
        self._tasks: deque[Waiting] = deque()

    @property
    def open(self) -> bool:
        """Whether nobody holds the lock."""
        return self._holder is None

    def enter(self, holder: Holder) -> None:
        """Take the lock, in a thread that waits for it."""
        while self._holder is not None:
            thread = present()
            self._tasks.append((thread.resume, (), thread.context))
            thread.pause()
        self._holder = holder

    def later(self, step: Callable[..., Any], args: tuple[Any, ...], context: Context) -> None:
        """Make a step of the loop when the lock is free, and may be taken again."""
        self._calls.append((step, args, context))

    def look(self) -> None:
        """Let the next ones in if the lock is held no more."""
        if self._holder is not None and not self._holder.over:
            return
        self._holder = None
        for step, args, context in (*self._calls, *self._tasks):
            self._loop.call_soon(step, *args, context=context)
        self._calls.clear()
        self._tasks.clear()
