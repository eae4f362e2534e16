"""Messages of a supervisor's child on a pipe: that it serves, and that it ends intentionally.

Its exit code alone is not enough: a task may end the process that runs it with any code.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import signal
from collections.abc import Callable
from typing import NamedTuple

from . import forks

_FIRST = 3
"""The lowest descriptor that is not a standard stream."""
_SERVES = b"serves\n"
_ENDS = b"ends %d\n"
_LONGEST = 4096


class Ending(NamedTuple):
    """How a child ended."""

    code: int
    served: bool = False
    """Whether the child had joined the fleet, so that it may have run jobs."""
    meant: bool = True
    """Whether the worker itself, not a task, ended the process with this code."""


class LastWords:
    """The child's end of the pipe; without a descriptor there is no supervisor to inform."""

    def __init__(self, descriptor: int | None = None) -> None:
        """Take the descriptor, and keep it from processes that tasks start or fork."""
        self._descriptor = descriptor
        self._served = False
        if descriptor is not None:
            os.set_inheritable(descriptor, False)
            self._file = _file(descriptor)
            forks.close_in_copies(descriptor)

    def serves(self) -> None:
        """Report that jobs may run from now on."""
        if not self._served:
            self._served = True
            self._say(_SERVES)

    def ends(self, code: int) -> int:
        """Report that the process is about to end with a code, and return the code."""
        self._say(_ENDS % code)
        return code

    def _say(self, words: bytes) -> None:
        # A task may have closed it, and another file may have its number now.
        with contextlib.suppress(OSError):
            if self._descriptor is not None and _file(self._descriptor) == self._file:
                os.write(self._descriptor, words)


def _file(descriptor: int) -> tuple[int, int]:
    found = os.fstat(descriptor)
    return found.st_dev, found.st_ino


class LastWordsReader:
    """The supervisor's end of the pipe to one child."""

    def __init__(self) -> None:
        """Open the pipe; OSError when there is no descriptor left."""
        self._read, write = os.pipe()
        try:
            # Not a number that would be a standard stream in the child.
            self.write = fcntl.fcntl(write, fcntl.F_DUPFD_CLOEXEC, _FIRST)
        except OSError:
            os.close(self._read)
            raise
        finally:
            os.close(write)
        os.set_blocking(self._read, False)  # forked copies of the child may hold it open
        self._said = b""
        self._loop: asyncio.AbstractEventLoop | None = None

    def started(self) -> None:
        """Close the child's end here."""
        os.close(self.write)

    def close(self) -> None:
        """Close this end of the pipe."""
        self._unwatch()
        os.close(self._read)

    def on_serve(self, call: Callable[[], None]) -> None:
        """Call, on the running loop, once the child says that it serves."""
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._read, self._heard, call)

    def _heard(self, call: Callable[[], None]) -> None:
        self._unwatch()
        if self._hear().startswith(_SERVES):
            call()

    def _unwatch(self) -> None:
        if self._loop is not None:
            self._loop.remove_reader(self._read)
            self._loop = None

    def _hear(self) -> bytes:
        with contextlib.suppress(BlockingIOError):
            self._said += os.read(self._read, _LONGEST)
        return self._said

    def ending(self, code: int) -> Ending:
        """Return how the child ended, according to its messages."""
        said = self._hear()
        # SIGTERM kills a child that has not set its handlers yet, or has already reported its end.
        deaf = code == -signal.SIGTERM and not said.endswith(_SERVES)
        meant = deaf or (code >= 0 and said.endswith(_ENDS % code))
        return Ending(code, said.startswith(_SERVES), meant)
