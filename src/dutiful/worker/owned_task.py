"""Which owner a task on the worker's loop has: a job may cancel only tasks of its own."""

from __future__ import annotations

import asyncio
from contextvars import ContextVar
from typing import Any, Protocol, TypeVar

T = TypeVar("T")


class Owner(Protocol):
    """What the code belongs to: an attempt, or a hook."""

    @property
    def lives(self) -> bool:
        """Whether its coroutine has not ended."""
        ...

    def exited(self, error: BaseException) -> bool:
        """End, because a part raised SystemExit or KeyboardInterrupt; False when it has ended."""
        ...


class HookRun:
    """The owner of what a hook starts."""

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
"""The owner of the code that runs; None in the worker's own."""


class OwnedTask(asyncio.Task[T]):
    """A task of the worker's, or of an owner's."""

    __slots__ = ("owner",)

    owner: Owner | None
    """Unset is the worker's own."""

    def cancel(self, msg: Any = None) -> bool:
        """Cancel, unless a job asks it of the worker or of another job that still runs.

        Programs cancel all tasks of a loop that they think is theirs. Tasks that an ended job left
        may be cancelled by another job, for example when it closes a client that both use.
        """
        asking = OWNER.get()
        if asking is not None:
            owner: Owner | None = getattr(self, "owner", None)
            if owner is not asking and (owner is None or owner.lives):
                return False
        return super().cancel(msg)
