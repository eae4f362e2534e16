"""A child process as its worker sees it: what it says, and how it is interrupted and ended."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import os
import signal
import socket
import sys

import msgspec

from dutiful.worker import forks
from dutiful.worker.capacity import starting

from .frames import HEADER, About, ToWorker, ToWorkerFrame, Withdrawn, pack
from .search_path import arguments, bootstrap

_LAST_WORDS = 0.2
"""Seconds in which a child's last words arrive though it has ended."""
_FRAME_BYTES_MAX = 64 * 2**20
"""What claims to be longer was not written by a child of ours."""


class Garbled(Exception):
    """A child's line carries what no child says: a copy of it has written there, too."""


class Child:
    """One child process and the socket to it."""

    def __init__(
        self,
        process: asyncio.subprocess.Process,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        line: socket.socket,
    ) -> None:
        """Hold the parts together; ``line`` is what reader and writer use."""
        self.process = process
        self.reader = reader
        self.writer = writer
        self.about: About | None = None
        """The attempt that it runs."""
        self.sound = True
        """Whether all that it said was about the attempt that it ran."""
        self._line = line
        self._descriptor = line.fileno()
        forks.close_in_copies(self._descriptor)
        # In a context of its own, not in that of the attempt for which the child was started.
        self._watch = asyncio.create_task(self._ended(), context=contextvars.Context())

    async def _ended(self) -> None:
        """Hang up some time after the process has ended, should a copy of it hold the line."""
        await self.process.wait()
        await asyncio.sleep(_LAST_WORDS)
        self.hang_up()

    def hang_up(self) -> None:
        """Close the line, also for copies of this process that hold it open."""
        forks.keep_in_copies(self._descriptor)
        if not self.writer.is_closing():
            with contextlib.suppress(OSError):
                self._line.shutdown(socket.SHUT_RDWR)
            self.writer.close()

    def drop(self) -> None:
        """Hang up on a child that is not needed any more."""
        self._watch.cancel()
        self.hang_up()

    def interrupt(self) -> None:
        """Raise an exception inside the running task, at its next bytecode.

        The word on the line is for a task that has not begun, which a signal would miss.
        """
        if self.about is not None and not self.writer.is_closing():
            self.writer.write(pack(Withdrawn(self.about)))
        self._signal(signal.SIGUSR2)

    def kill(self) -> None:
        """End the process at once."""
        self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        if self.process.returncode is None:
            tell(self.process.pid, number)

    async def heard(self) -> ToWorkerFrame:
        """Read the next frame that is about the child's attempt; others are left out."""
        while True:
            (length,) = HEADER.unpack(await self.reader.readexactly(HEADER.size))
            if length > _FRAME_BYTES_MAX:
                self.sound = False
                raise Garbled("something else has written on its line")
            try:
                message: ToWorkerFrame = ToWorker.decode(await self.reader.readexactly(length))
            except msgspec.MsgspecError:
                self.sound = False
                raise Garbled("something else has written on its line") from None
            if message.about == self.about:
                return message
            self.sound = False


def tell(pid: int, number: signal.Signals) -> None:
    """Send a signal to a child whose end has not been seen yet.

    `Popen.send_signal` would ask for its exit code first, and take it from who waits for it.
    """
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


async def start_child() -> Child:
    """Start a child process of this worker."""
    with starting("process"):
        return await _start_child()


async def _start_child() -> Child:
    ours, theirs = socket.socketpair()
    with theirs:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            # What this process can import, its child can: the main script's folder, too.
            *bootstrap("dutiful.worker.isolation.child"),
            *arguments(str(theirs.fileno())),
            pass_fds=(theirs.fileno(),),
            stdin=asyncio.subprocess.DEVNULL,
        )
    ours.setblocking(False)
    reader, writer = await asyncio.open_connection(sock=ours)
    return Child(process, reader, writer, ours)
