"""Child processes for ``cpu=True`` tasks: one job at a time each, killed when they must be."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
from collections import deque
from collections.abc import Callable

import msgspec

from dutiful.core.errors import ClaimLost, UsageError
from dutiful.core.outcome import Crashed, Outcome
from dutiful.worker.attempt import Running

from .frames import (
    HEADER,
    Begun,
    Ended,
    Interrupted,
    Recorded,
    Start,
    Step,
    ToWorker,
    Withdrawn,
    outcome_of,
    pack,
)

_FAREWELL = 1.0
"""Seconds that an idle child gets to end by itself."""


class Child:
    """One child process and the socket to it."""

    def __init__(
        self,
        process: asyncio.subprocess.Process,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        """Hold the parts together."""
        self.process = process
        self.reader = reader
        self.writer = writer

    def interrupt(self) -> None:
        """Raise an exception inside the running task, at its next bytecode.

        The word on the line is for a task that has not begun, which a signal would miss.
        """
        if not self.writer.is_closing():
            self.writer.write(pack(Withdrawn()))
        self._signal(signal.SIGUSR2)

    def kill(self) -> None:
        """End the process at once."""
        self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        if self.process.returncode is None:
            self.process.send_signal(number)


class ProcessSlots:
    """Keeps up to as many children as there are processors; more jobs wait their turn."""

    def __init__(self, limit: int | None = None) -> None:
        """Start no process yet."""
        self._room = asyncio.Semaphore(limit or os.cpu_count() or 1)
        self._idle: deque[Child] = deque()
        self._all: set[Child] = set()

    async def run(
        self,
        running: Running,
        url: str | None,
        bytes_max: int,
        begun: Callable[[Running], None],
    ) -> Outcome | Ended | Interrupted:
        """Run an attempt in a child: its outcome, `Ended` when it is settled, or `Interrupted`.

        ``begun`` is called when a child takes the job. One that dies under it makes the attempt
        a crash; one that had died at rest does not.
        """
        start = _start(running, url, bytes_max)
        message: Ended | Interrupted | Crashed | None = None
        async with self._room:
            while message is None:
                message = await self._attempt(running, start, begun)
        if isinstance(message, Ended) and not (message.committed or message.refused):
            return outcome_of(message)
        return message

    async def _attempt(
        self, running: Running, start: Start, begun: Callable[[Running], None]
    ) -> Ended | Interrupted | Crashed | None:
        """Give the job to one child; None when that had died before it could take it."""
        rested = self._rested()
        child = rested or await self._start()
        if running.cancelled:
            self._idle.append(child)
            return Interrupted()
        taken = False

        def take() -> None:
            nonlocal taken
            taken = True
            begun(running)

        try:
            # From here on an interruption reaches the child behind its orders, never before.
            child.writer.write(pack(start))
            running.stop, running.kill = child.interrupt, child.kill
            message = await self._converse(child, running, take)
        except (asyncio.IncompleteReadError, ConnectionError):
            code = await child.process.wait()
            self._drop(child)
            if rested is not None and not taken:
                return None
            return Crashed(f"the task's process ended by itself ({_ending(code)})")
        except BaseException:
            child.kill()
            self._drop(child)
            raise
        finally:
            running.stop = running.kill = None
        self._idle.append(child)
        return message

    async def close(self) -> None:
        """End every child."""
        children = list(self._all)
        for child in children:
            child.writer.close()
        for child in children:
            try:
                async with asyncio.timeout(_FAREWELL):
                    await child.process.wait()
            except TimeoutError:
                child.kill()
                await child.process.wait()
        self._all.clear()
        self._idle.clear()

    def _rested(self) -> Child | None:
        """Take an idle child that lives: one that died at rest is not the next job's doing."""
        while self._idle:
            child = self._idle.pop()
            if child.process.returncode is None and not child.reader.at_eof():
                return child
            self._drop(child)
        return None

    async def _converse(
        self, child: Child, running: Running, take: Callable[[], None]
    ) -> Ended | Interrupted:
        while True:
            (length,) = HEADER.unpack(await child.reader.readexactly(HEADER.size))
            message: Begun | Step | Ended | Interrupted = ToWorker.decode(
                await child.reader.readexactly(length)
            )
            if isinstance(message, Begun):
                take()
                continue
            if not isinstance(message, Step):
                return message
            child.writer.write(pack(Recorded(await _record(running, message))))

    async def _start(self) -> Child:
        ours, theirs = socket.socketpair()
        with theirs:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "dutiful.worker.isolation.child",
                str(theirs.fileno()),
                # What this process can import, its child can: the main script's folder, too.
                json.dumps(sys.path),
                pass_fds=(theirs.fileno(),),
                stdin=asyncio.subprocess.DEVNULL,
            )
        ours.setblocking(False)
        reader, writer = await asyncio.open_connection(sock=ours)
        child = Child(process, reader, writer)
        self._all.add(child)
        return child

    def _drop(self, child: Child) -> None:
        child.writer.close()
        self._all.discard(child)


async def _record(running: Running, step: Step) -> bool:
    try:
        await running.record_raw(step.name, step.result)
    except ClaimLost:
        return False
    return True


def _start(running: Running, url: str | None, bytes_max: int) -> Start:
    task = running.task
    if task.__module__ == "__main__":
        raise UsageError(
            f"task {task.name} is defined in __main__, which a child process cannot import; "
            "move it to a module"
        )
    claim = msgspec.structs.replace(running.claim, handle=None)
    return Start(
        module=task.__module__,
        attribute=task.__qualname__,
        url=url,
        claim=claim,
        handle=msgspec.json.encode(running.claim.handle),
        bytes_max=bytes_max,
    )


def _ending(code: int) -> str:
    if code < 0:
        return f"killed by {signal.Signals(-code).name}"
    return f"exit code {code}"
