"""Keeps worker processes running: starts them, restarts the crashed and the recycled."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from pathlib import Path
from time import monotonic

import msgspec

from .isolation.child_process import tell
from .isolation.search_path import arguments, bootstrap
from .serve import (
    EXIT_BROKEN,
    EXIT_RECYCLE,
    EXIT_REFUSED,
    EXIT_STOPPED,
    EXIT_USAGE,
    ORDERS,
    Orders,
)
from .signals import stop_signals

_LOG = logging.getLogger("dutiful")

_BACKOFF_FIRST, _BACKOFF_MOST = 0.5, 30.0
_SETTLED = 30.0
"""Seconds that a child must have lived for its crash to count as the first again."""
_INSTANT = 1.0
"""Seconds after its start in which a child does not stop of its own accord."""
_CRASHES_MAX = 8
"""So many crashes in a row, each soon after the start, and the supervisor gives up."""


class Supervisor:
    """Runs ``count`` children with the same orders until it is told to stop."""

    def __init__(self, orders: Orders, count: int, *, watch: Path | None = None) -> None:
        """Prepare; with ``watch``, children are replaced when a Python file below it changes."""
        self._orders = msgspec.json.encode(orders).decode()
        self._burst = orders.options.burst
        self._count = count
        self._watch = watch
        self._children: dict[asyncio.subprocess.Process, float] = {}
        """The running children, and when each was started."""
        self._stopping = asyncio.Event()
        self._edited = asyncio.Event()
        self._served = False
        """Whether any child has run well, so that what is wrong now may be mended."""
        self._code = EXIT_STOPPED

    async def run(self) -> int:
        """Supervise until every child has ended for good; return the exit code."""
        loop = asyncio.get_running_loop()
        for number in stop_signals():
            loop.add_signal_handler(number, self._stop)
        loop.add_signal_handler(signal.SIGUSR1, self._tell, signal.SIGUSR1)
        watcher = asyncio.create_task(self._reload()) if self._watch else None
        await asyncio.gather(*(self._keep(number) for number in range(self._count)))
        if watcher is not None:
            watcher.cancel()
            await asyncio.gather(watcher, return_exceptions=True)
        return self._code

    async def _keep(self, number: int) -> None:
        """Keep one child running."""
        crashes = 0
        while not self._stopping.is_set():
            started = monotonic()
            code = await self._child(number)
            if code == EXIT_STOPPED and (self._burst or self._stopping.is_set()):
                return
            if self._stopping.is_set():
                # One that dies of the signal was told before it could hear.
                if code not in (EXIT_STOPPED, EXIT_RECYCLE, -signal.SIGTERM):
                    self._code = EXIT_BROKEN
                return
            lived = monotonic() - started
            if self._as_asked(code, lived):
                crashes = 0
                continue
            if code == EXIT_REFUSED and self._watch:
                await self._changed()
                continue
            if code == EXIT_REFUSED and not self._served:
                self._give_up(EXIT_USAGE)
                return
            self._served |= lived > _SETTLED
            crashes = 1 if lived > _SETTLED else crashes + 1
            if crashes >= _CRASHES_MAX and not self._others_serve():
                _LOG.error("worker process %d failed %d times in a row; giving up", number, crashes)
                self._give_up(EXIT_BROKEN)
                return
            pause = min(_BACKOFF_FIRST * 2 ** min(crashes - 1, 10), _BACKOFF_MOST)
            _LOG.error(
                "worker process %d ended with %s; starting another in %.1f s",
                number,
                _ending(code),
                pause,
            )
            await self._sleep(pause)

    async def _child(self, number: int) -> int:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *bootstrap("dutiful.worker.serve"),
            str(os.getpid()),
            arguments(),
            # Not in the arguments, which every user of the host can read: the URL may be secret.
            env={**os.environ, ORDERS: self._orders},
            # A terminal's Ctrl-C must reach the children once, through this process.
            process_group=0,
        )
        self._children[process] = monotonic()
        if self._stopping.is_set():
            tell(process.pid, signal.SIGTERM)
        _LOG.info("worker process %d started, pid %d", number, process.pid)
        try:
            return await process.wait()
        finally:
            del self._children[process]

    def _others_serve(self) -> bool:
        """Whether a child has run for a while, so that the fault does not affect all of them."""
        now = monotonic()
        return any(now - started > _SETTLED for started in self._children.values())

    def _as_asked(self, code: int, lived: float) -> bool:
        """Whether a child ended as it should, so that the next may start at once.

        One that stops of its own accord as soon as it has started would do so for ever.
        """
        if code == EXIT_RECYCLE:
            return True
        stopped = code in (EXIT_STOPPED, -signal.SIGTERM)
        return stopped and (self._watch is not None or lived > _INSTANT)

    def _give_up(self, code: int) -> None:
        self._code = code
        self._stop()

    def _stop(self) -> None:
        self._stopping.set()
        self._tell(signal.SIGTERM)

    def _tell(self, number: signal.Signals) -> None:
        for process in self._children:
            if process.returncode is None:
                tell(process.pid, number)

    async def _changed(self) -> None:
        """Wait until a file changes or a stop is asked for: trying again would fail again."""
        self._edited.clear()
        while not (self._edited.is_set() or self._stopping.is_set()):
            await self._sleep(0.1)

    async def _sleep(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
        except TimeoutError:
            pass

    async def _reload(self) -> None:
        """Replace the children whenever a Python file has changed."""
        before = await asyncio.to_thread(self.stamps)
        while True:
            await asyncio.sleep(0.5)
            after = await asyncio.to_thread(self.stamps)
            if after != before:
                before = after
                _LOG.info("a file changed; replacing the worker processes")
                self._edited.set()
                self._tell(signal.SIGTERM)

    def stamps(self) -> dict[str, int]:
        """Return the time of the last change of each Python file that is watched."""
        stamps: dict[str, int] = {}
        top = self._watch or Path()
        for path in top.rglob("*.py"):
            below = path.relative_to(top).parts
            if not any(part.startswith(".") or part == "__pycache__" for part in below):
                try:
                    stamps[str(path)] = path.stat().st_mtime_ns
                except OSError:  # it was just deleted
                    continue
        return stamps


def _ending(code: int) -> str:
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
