"""Keeps worker processes running: starts them, and restarts those that crash or are recycled."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import subprocess
import sys
from pathlib import Path
from time import monotonic

import msgspec

from .capacity import shortage
from .edits import watch as watch_files
from .exit_code import ending
from .isolation.child_process import tell
from .isolation.search_path import arguments, bootstrap
from .last_words import Ending, LastWordsReader
from .serve import (
    EXIT_BROKEN,
    EXIT_DRAINED,
    EXIT_HUNG,
    EXIT_RECYCLE,
    EXIT_REFUSED,
    EXIT_STOPPED,
    EXIT_USAGE,
    ORDERS,
    Orders,
)
from .service_notifier import ServiceNotifier
from .signals import stop_signals

_LOG = logging.getLogger("dutiful")

_BACKOFF_FIRST, _BACKOFF_MOST = 0.5, 30.0
_SETTLED = 30.0
"""When a child has run for this many seconds, its next crash counts as the first one again."""
_INSTANT = 1.0
"""When a child stops by itself within this many seconds of its start, it counts as crashed."""
_CRASHES_MAX = 8
"""After this many crashes in a row, each soon after the start, the supervisor gives up. Crashes
that a job may have caused do not count."""
_GLANCE = 0.2
"""Seconds between checks for a child's end, where the kernel cannot report it."""


_WELL = (EXIT_STOPPED, EXIT_RECYCLE, EXIT_DRAINED, -signal.SIGTERM)
"""How a child ends that was asked to stop."""


def _by_itself(end: Ending) -> bool:
    """Whether the worker itself is the reason of its end; a job may have made it hang."""
    return end.meant and end.code != EXIT_HUNG


class _Streak:
    """The consecutive crashes of one child."""

    def __init__(self) -> None:
        self._crashes = 0
        self.vain = 0
        """How many consecutive crashes count towards giving up."""
        self._reported = ""

    def add(self, *, excused: bool) -> None:
        self._crashes += 1
        self.vain = 0 if excused else self.vain + 1

    @property
    def pause(self) -> float:
        return min(_BACKOFF_FIRST * 2.0 ** min(self._crashes - 1, 10), _BACKOFF_MOST)

    def tell(self, number: int, end: Ending | Exception) -> None:
        """Log what went wrong and what follows; log the same failure to start only once."""
        if isinstance(end, Ending):
            text, why = "worker process %d ended with %s; starting another in %.1f s", ""
            _LOG.error(text, number, ending(end.code), self.pause)
        elif (why := str(end) or type(end).__name__) != self._reported:
            text = "worker process %d cannot be started (%s); trying again until it starts"
            _LOG.error(text, number, why)
        self._reported = why


class Supervisor:
    """Runs ``count`` children with the same orders until a signal asks it to stop."""

    def __init__(self, orders: Orders, count: int, *, watch: Path | None = None) -> None:
        """Prepare; with ``watch``, children are replaced when a Python file below it changes."""
        self._orders = orders
        self._burst = orders.options.burst
        self._count = count
        self._watch = watch
        self._children: dict[subprocess.Popen[bytes], float] = {}
        """The running children, each with the time of its start."""
        self._stopping = asyncio.Event()
        self._edited = asyncio.Event()
        self._served = False
        """Whether any child has ever served, so that the present fault may be temporary."""
        self._code = EXIT_STOPPED
        self._manager = ServiceNotifier()

    async def run(self) -> int:
        """Supervise until every child has ended for good; return the exit code."""
        loop = asyncio.get_running_loop()
        for number in stop_signals():
            loop.add_signal_handler(number, self._stop)
        loop.add_signal_handler(signal.SIGUSR1, self._tell, signal.SIGUSR1)
        chores = [asyncio.create_task(self._ping())]
        if self._watch is not None:
            chores.append(asyncio.create_task(watch_files(self._watch, self._replace)))
        await asyncio.gather(*(self._keep(number) for number in range(self._count)))
        for chore in chores:
            chore.cancel()
        await asyncio.gather(*chores, return_exceptions=True)
        return self._code

    async def _ping(self) -> None:
        """Report to a service manager that asks for it that the supervisor lives."""
        while (every := self._manager.every) is not None:
            self._manager.looked(healthy=True)
            await asyncio.sleep(every)

    async def _keep(self, number: int) -> None:
        """Keep one child running."""
        streak = _Streak()
        while not self._stopping.is_set():
            started = monotonic()
            end = await self._child(number)
            if isinstance(end, Ending):
                if self._stopping.is_set():
                    self._ended_at_last(number, end)
                    return
                if end.meant and self._for_good(number, end.code):
                    return
                lived = monotonic() - started
                if self._as_asked(end, lived):
                    streak = _Streak()
                    continue
                refused = end.meant and end.code == EXIT_REFUSED
                if refused and self._watch:
                    await self._changed()
                    continue
                if refused and not self._served:
                    self._give_up(EXIT_USAGE)
                    return
                if lived > _SETTLED:
                    self._served, streak = True, _Streak()
            # A job that crashes its worker is dead after three crashes; other jobs wait behind it.
            by_a_job = isinstance(end, Ending) and end.served and not _by_itself(end)
            streak.add(excused=by_a_job or (isinstance(end, Exception) and shortage(end)))
            if streak.vain >= _CRASHES_MAX and not self._others_serve():
                text = "worker process %d failed %d times in a row; giving up"
                _LOG.error(text, number, streak.vain)
                self._give_up(EXIT_BROKEN)
                return
            streak.tell(number, end)
            await self._sleep(streak.pause)

    def _for_good(self, number: int, code: int) -> bool:
        """Whether a child that meant to end so is not to be replaced."""
        if code == EXIT_DRAINED:
            _LOG.info("worker process %d was drained by an order and is not replaced", number)
        return code == EXIT_DRAINED or (code == EXIT_STOPPED and self._burst)

    def _ended_at_last(self, number: int, end: Ending) -> None:
        """Note how a child ended after a stop was requested."""
        if not end.meant or end.code not in _WELL:
            _LOG.error("worker process %d ended with %s", number, ending(end.code))
            self._code = EXIT_BROKEN

    async def _child(self, number: int) -> Ending | Exception:
        """Run a child to its end; return the error if none can be started."""
        try:
            words = LastWordsReader()
        except OSError as error:
            return error
        try:
            process = self._start(words.write)
        except (OSError, MemoryError) as error:
            words.close()
            return error
        finally:
            words.started()
        self._children[process] = monotonic()
        words.on_serve(lambda: self._manager.ready(f"worker process {number} serves"))
        if self._stopping.is_set():
            tell(process.pid, signal.SIGTERM)
        _LOG.info("worker process %d started, pid %d", number, process.pid)
        try:
            return words.ending(await _ended(process))
        finally:
            words.close()
            del self._children[process]

    def _start(self, words: int) -> subprocess.Popen[bytes]:
        orders = msgspec.structs.replace(self._orders, words=words)
        command = [
            sys.executable,
            *bootstrap("dutiful.worker.serve"),
            str(os.getpid()),
            arguments(),
        ]
        # Not asyncio's: if no thread can be started, it raises and leaves the child running.
        return subprocess.Popen(  # noqa: S603 - of our own code
            command,
            # Not in the arguments, which every user of the host can read: the URL may hold a
            # password.
            env={**os.environ, ORDERS: msgspec.json.encode(orders).decode()},
            pass_fds=(words,),
            # A terminal's Ctrl-C must reach the children only once, through this process.
            process_group=0,
        )

    def _others_serve(self) -> bool:
        """Whether a child has run for a while, so that the fault does not affect all of them."""
        now = monotonic()
        return any(now - started > _SETTLED for started in self._children.values())

    def _as_asked(self, end: Ending, lived: float) -> bool:
        """Whether a child ended as intended, so that the next may start immediately.

        Not if it stopped by itself as soon as it had started: the next would do the same.
        """
        if not end.meant:
            return False
        if end.code == EXIT_RECYCLE:
            return True
        stopped = end.code in (EXIT_STOPPED, -signal.SIGTERM)
        return stopped and (self._watch is not None or lived > _INSTANT)

    def _give_up(self, code: int) -> None:
        self._code = code
        self._stop()

    def _stop(self) -> None:
        if not self._stopping.is_set():
            self._manager.stopping("the worker processes drain")
        self._stopping.set()
        self._tell(signal.SIGTERM)

    def _tell(self, number: signal.Signals) -> None:
        for process in self._children:
            if process.returncode is None:
                tell(process.pid, number)

    async def _changed(self) -> None:
        """Wait until a file changes or a stop is requested: a restart would fail again."""
        self._edited.clear()
        while not (self._edited.is_set() or self._stopping.is_set()):
            await self._sleep(0.1)

    async def _sleep(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
        except TimeoutError:
            pass

    def _replace(self) -> None:
        """Replace the children: a Python file has changed."""
        _LOG.info("a file changed; replacing the worker processes")
        self._edited.set()
        self._tell(signal.SIGTERM)


async def _ended(process: subprocess.Popen[bytes]) -> int:
    """Wait for the end of a process without using a thread: none may be available."""
    loop, over = asyncio.get_running_loop(), asyncio.Event()
    try:
        descriptor = os.pidfd_open(process.pid)
    except (AttributeError, OSError):
        while process.poll() is None:  # noqa: ASYNC110 - nothing reports it
            await asyncio.sleep(_GLANCE)
        return process.wait()
    loop.add_reader(descriptor, over.set)
    try:
        await over.wait()
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)
    return process.wait()
