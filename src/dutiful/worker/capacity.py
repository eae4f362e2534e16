"""How many slots can be used: fewer, for a while, when threads or processes cannot be started."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Callable, Generator
from contextlib import contextmanager

from dutiful.core.event import Emit, SlotsRestored, SlotsShort

_FIRST, _MOST = 1.0, 30.0
"""Seconds until more slots are tried: the first, doubled at each failure, and the most."""
_STEP = 8
"""Slots are added in steps of an eighth of all, at least one."""
_ERRORS = {errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE}
_NO_THREAD = ("can't start new thread", "can't allocate lock")
"""Texts of the errors for which the interpreter has no error number."""


class CannotStart(Exception):
    """A thread or process cannot be started at present; nothing of the job has run."""


def shortage(error: BaseException) -> bool:
    """Whether an error says that the system has no thread, process, memory or descriptor left."""
    if isinstance(error, OSError):
        return error.errno in _ERRORS
    return isinstance(error, MemoryError) or (
        isinstance(error, RuntimeError) and str(error) in _NO_THREAD
    )


@contextmanager
def starting(what: str) -> Generator[None]:
    """Raise CannotStart when a shortage prevents a start inside the block."""
    try:
        yield
    except (RuntimeError, MemoryError, OSError) as error:
        if not shortage(error):
            raise
        raise CannotStart(f"no {what} can be started: {str(error) or 'out of memory'}") from error


class Capacity:
    """The number of slots in use; called on the loop."""

    def __init__(self, slots: int, emit: Emit, changed: Callable[[], None]) -> None:
        """Start with all slots; ``changed`` is called when their number grows again."""
        self.slots = slots
        self._all = slots
        self._emit = emit
        self._changed = changed
        self._pause = _FIRST
        self._timer: asyncio.TimerHandle | None = None

    @property
    def short(self) -> bool:
        """Whether fewer slots than all are in use."""
        return self._timer is not None

    def shrink(self, running: int, why: str) -> None:
        """Reduce the slots to those in use: one more could not be started."""
        self.slots = min(running, self._all)
        if self._timer is None:
            self._emit(SlotsShort(self.slots, self._all, why))
        else:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(self._pause, self._grow)
        self._pause = min(self._pause * 2, _MOST)

    def close(self) -> None:
        """Stop trying to use more slots."""
        if self._timer is not None:
            self._timer.cancel()

    def _grow(self) -> None:
        self.slots = min(self._all, self.slots + max(self._all // _STEP, 1))
        if self.slots < self._all:
            self._timer = asyncio.get_running_loop().call_later(_FIRST, self._grow)
        else:
            self._timer, self._pause = None, _FIRST
            self._emit(SlotsRestored(self._all))
        self._changed()
