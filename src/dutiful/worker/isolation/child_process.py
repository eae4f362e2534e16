"""A child process as its worker sees it: its messages, and how it is interrupted and ended."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import errno
import os
import signal
import socket
import subprocess
import sys

import msgspec

from dutiful.worker import forks
from dutiful.worker.capacity import CannotStart, starting

from .frames import HEADER, About, ToWorker, ToWorkerFrame, Withdrawn, pack
from .search_path import arguments, bootstrap
from .standard import above_standard, open_standard

_GLANCE = 0.05
_SELDOM = 1.0
"""Seconds between checks for the child's end. The kernel should report it, but a task may have
closed the descriptor for that."""
_LAST_WORDS = 0.2
"""Seconds in which a child's last messages may arrive after its end."""
_STARTS = 3
_CLOSED = {errno.EBADF, errno.ENOTSOCK}
"""Errors of a start while a task closes a descriptor that the start uses; a retry may succeed."""
_FRAME_ROOM = 2**20
"""Bytes of a frame besides its payload: an error's text and traceback, and the job's identity."""


class Garbled(Exception):
    """A child's socket carries data that no child sends: a forked copy of it has written there."""


class ChildProcess:
    """One child process and the socket to it."""

    def __init__(
        self,
        process: subprocess.Popen[bytes],
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
        self.frame_bytes_max = 0
        """The longest frame about that attempt; a longer one was not written by the child."""
        self.sound = True
        """Whether all its messages were about the attempt that it ran."""
        self._line = line
        self._end_of: int | None = None
        self._descriptor = line.fileno()
        forks.close_in_copies(self._descriptor)
        self._loop = asyncio.get_running_loop()
        self.ended: asyncio.Future[int] = self._loop.create_future()
        """Its exit code, once it has one."""
        # In a new context, not in that of the attempt for which the child was started.
        contextvars.Context().run(self._watch)

    def _watch(self) -> None:
        """Ask the kernel to report the end, since a task may have replaced the SIGCHLD handler."""
        with contextlib.suppress(AttributeError, OSError):
            self._end_of = os.pidfd_open(self.process.pid)
            forks.close_in_copies(self._end_of)
            self._loop.add_reader(self._end_of, self._exited)
        self._look()

    def _look(self) -> None:
        """Check for the end at intervals, in case the kernel does not report it."""
        if self.ended.done():
            return
        if self.process.poll() is None:
            self._loop.call_later(_GLANCE if self._end_of is None else _SELDOM, self._look)
        else:
            self._exited()

    def _exited(self) -> None:
        end_of, self._end_of = self._end_of, None
        if end_of is not None:
            forks.keep_in_copies(end_of)
            self._loop.remove_reader(end_of)
            with contextlib.suppress(OSError):
                # If a task has closed the descriptor, another file may have its number now.
                if "pidfd" in os.readlink(f"/proc/self/fd/{end_of}"):
                    os.close(end_of)
        if not self.ended.done():
            self.ended.set_result(self.process.wait())
        # Later, when the last messages have arrived: a copy of it may hold the socket open.
        self._loop.call_later(_LAST_WORDS, self.hang_up)

    def hang_up(self) -> None:
        """Close the socket, also for copies of this process that hold it open."""
        forks.keep_in_copies(self._descriptor)
        if not self.writer.is_closing():
            with contextlib.suppress(OSError):
                self._line.shutdown(socket.SHUT_RDWR)
            self.writer.close()

    def interrupt(self) -> None:
        """Raise an exception inside the running task, at its next bytecode.

        The message on the socket is for a task that has not begun: a signal has no effect on it.
        """
        if self.about is not None and not self.writer.is_closing():
            self.writer.write(pack(Withdrawn(self.about)))
        self._signal(signal.SIGUSR2)

    def kill(self) -> None:
        """Kill the process."""
        self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        if not self.ended.done():
            self.process.send_signal(number)

    async def heard(self) -> ToWorkerFrame:
        """Read the next frame about the child's attempt; skip other frames."""
        while True:
            (length,) = HEADER.unpack(await self.reader.readexactly(HEADER.size))
            if length > self.frame_bytes_max:
                self.sound = False
                raise Garbled("another process has written on its line")
            try:
                message: ToWorkerFrame = ToWorker.decode(await self.reader.readexactly(length))
            except msgspec.MsgspecError:
                self.sound = False
                raise Garbled("another process has written on its line") from None
            if message.about == self.about:
                return message
            self.sound = False


def frame_bytes_max(payload_bytes_max: int) -> int:
    """Return how long a frame may be; a result in it is written as base64 twice."""
    return _FRAME_ROOM + 2 * payload_bytes_max


def tell(pid: int, number: signal.Signals) -> None:
    """Send a signal to a child whose end has not been seen yet.

    `Popen.send_signal` would first read the exit code, which the code that waits for it would then
    miss.
    """
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


class Surroundings:
    """What children inherit from the worker's process, as it was before any job ran in it."""

    def __init__(self) -> None:
        """Record the present values."""
        self.path = arguments()
        self.environment = dict(os.environ)
        self.folder: str | None = None
        with contextlib.suppress(OSError):  # the folder has been removed
            self.folder = os.getcwd()


async def start_child(surroundings: Surroundings) -> ChildProcess:
    """Start a child process of this worker; raises CannotStart when it cannot be started now."""
    for _ in range(_STARTS):
        try:
            with starting("process"):
                return await _start_child(surroundings)
        except OSError as error:
            if error.errno not in _CLOSED:
                raise
    raise CannotStart("no process can be started: a task closes descriptors that are not its own")


def _popen(surroundings: Surroundings, line: int) -> subprocess.Popen[bytes]:
    command = [
        sys.executable,
        # The child can import what this process can, also from the main script's folder.
        *bootstrap("dutiful.worker.isolation.child"),
        str(line),
        surroundings.path,
    ]
    return subprocess.Popen(  # noqa: S603 - of our own code
        command,
        cwd=surroundings.folder,
        env=surroundings.environment,
        pass_fds=(line,),
        stdin=subprocess.DEVNULL,
    )


async def _start_child(surroundings: Surroundings) -> ChildProcess:
    # If a task has closed one, the socket would take its number, and prints would go to the socket.
    open_standard()
    with forks.no_forks():
        ours, theirs = map(above_standard, socket.socketpair())
        with contextlib.ExitStack() as unless_started:
            unless_started.callback(ours.close)
            with theirs:
                # A program's default timeout would make it non-blocking, also in the child.
                theirs.setblocking(True)
                process = _popen(surroundings, theirs.fileno())
            unless_started.pop_all()
    ours.setblocking(False)
    try:
        reader, writer = await asyncio.open_connection(sock=ours)
    except BaseException:
        ours.close()
        process.kill()
        process.wait()
        raise
    return ChildProcess(process, reader, writer, ours)
