"""The owner of each task on the worker's loop: a job may cancel only its own tasks."""

from __future__ import annotations

import asyncio
from contextvars import ContextVar
from typing import Any, Protocol, TypeVar

T = TypeVar("T")


class Owner(Protocol):
    """The attempt or the hook that code belongs to."""

    @property
    def lives(self) -> bool:
        """Whether its coroutine has not ended."""
        ...

    def exited(self, error: BaseException) -> bool:
        """End it, because a part raised SystemExit or KeyboardInterrupt; False if it had ended."""
        ...


class HookRun:
    """The owner of the tasks that a hook starts."""

    task: asyncio.Task[None] | None = None
    exit: BaseException | None = None

    @property
    def lives(self) -> bool:
        """Whether the hook has not ended."""
        return self.task is not None and not self.task.done()

    def exited(self, error: BaseException) -> bool:
        """End the hook."""
        if self.task is None or self.task.done():
            return False
        self.exit = error
        self.task.cancel()
        return True


OWNER: ContextVar[Owner | None] = ContextVar("dutiful_owner", default=None)
"""The owner of the running code; None in the worker's own code."""


class OwnedTask(asyncio.Task[T]):
    """A task of the worker or of an owner."""

    __slots__ = ("owner",)

    owner: Owner | None
    """Not set for the worker's own tasks."""

    def cancel(self, msg: Any = None) -> bool:
        """Cancel the task, unless a job tries to cancel the worker or another job that still runs.

        Some programs cancel all tasks of the loop, because they assume that the loop is theirs. A
        job may cancel tasks that an ended job left, for example when it closes a client that both
        use.
        """
        asking = OWNER.get()
        if asking is not None:
            owner: Owner | None = getattr(self, "owner", None)
            if owner is not asking and (owner is None or owner.lives):
                return False
        return super().cancel(msg)
