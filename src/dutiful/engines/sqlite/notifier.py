"""Waiting until there may be work, and waking listeners, in this process and in others."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import count

from .connections.run_folder import RunFolder

POLL_SECONDS = 1.0
"""Seconds that a wait lasts at most: then it finds jobs whose commit was not announced."""

GLANCE_SECONDS = 0.05
"""Seconds between checks of a listener for commits, each of which takes a few microseconds."""

_PIPE = ".bell"
"""Ends the names of pipes; fixed, since processes of several releases notify each other."""

Glance = Callable[[], object]
Look = Callable[[Sequence[str]], bool]


class WakePipe:
    """A named pipe that a listener reads and other processes write to."""

    def __init__(self, folder: RunFolder, name: str, wake: Callable[[], None]) -> None:
        """Make and open the pipe; OSError if there is no folder for it."""
        self._loop = asyncio.get_running_loop()
        self._folder = folder
        self._name = name
        pipe = folder.pipe(name)
        if pipe is None:
            raise FileNotFoundError(name)
        self._pipe = pipe
        try:
            self._loop.add_reader(pipe, wake)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close and delete the pipe."""
        with suppress(NotImplementedError, RuntimeError):
            self._loop.remove_reader(self._pipe)
        os.close(self._pipe)
        self._folder.remove(self._name)


class Notifier:
    """The listeners of this process, and the pipes by which other processes are notified."""

    def __init__(self, folder: RunFolder, glance: Glance, look: Look) -> None:
        """Start without listeners; ``glance`` changes with every commit, ``look`` finds work."""
        self._folder = folder
        self._glance = glance
        self._look = look
        self._token = os.urandom(6).hex()
        self._numbers = count()
        self._guard = threading.Lock()
        self._listeners: set[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = set()

    async def wait(self, queues: Sequence[str], seconds: float) -> None:
        """Wait until woken, or until there may be work, or until the time is over."""
        listener = (asyncio.get_running_loop(), asyncio.Event())
        with self._guard:
            self._listeners.add(listener)
        pipe = self._open_pipe(listener[1].set)
        try:
            # The last look comes after the pipe is open, so that no commit is missed in between.
            seen = self._glance()
            if not self._look(queues):
                await self._doze(listener[1], queues, min(seconds, POLL_SECONDS), seen)
        finally:
            with self._guard:
                self._listeners.discard(listener)
            if pipe is not None:
                pipe.close()

    async def _doze(
        self, event: asyncio.Event, queues: Sequence[str], seconds: float, seen: object
    ) -> None:
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while (rest := end - loop.time()) > 0:
            try:
                async with asyncio.timeout(min(rest, GLANCE_SECONDS)):
                    await event.wait()
                    return
            except TimeoutError:
                # Not every commit is announced, for example not that of a caller's transaction.
                if (now := self._glance()) != seen:
                    seen = now
                    if self._look(queues):
                        return

    def wake(self) -> None:
        """Wake every listener of this host that waits on this store."""
        with self._guard:
            listeners = tuple(self._listeners)
        for loop, event in listeners:
            try:
                loop.call_soon_threadsafe(event.set)
            except RuntimeError:  # that loop has been closed
                with self._guard:
                    self._listeners.discard((loop, event))
        self._folder.notify(_PIPE, self._token)

    def _open_pipe(self, wake: Callable[[], None]) -> WakePipe | None:
        if not hasattr(os, "mkfifo"):
            return None
        try:
            return WakePipe(self._folder, f"{self._token}-{next(self._numbers)}{_PIPE}", wake)
        except (OSError, NotImplementedError):
            return None  # there are no such pipes here: the listener checks for commits itself
