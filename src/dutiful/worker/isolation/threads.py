"""Threads for sync tasks: started as needed, and replaced when a task never returns."""

from __future__ import annotations

import asyncio
import contextvars
import queue
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from time import monotonic
from typing import Any, TypeVar

from dutiful.contract.daemon_threads import restore_hooks
from dutiful.worker import forks
from dutiful.worker.capacity import starting

T = TypeVar("T")
Call = Callable[[], Any]
Done = Callable[[Any], None]

Calls = queue.SimpleQueue[tuple[Call, Done] | None]

_FAREWELL = 0.3
"""Seconds that all idle threads together get to end."""


class ThreadSlots:
    """Runs calls in daemon threads and passes their results to the loop.

    Results that arrive while the loop is busy share one wake-up of the loop. A call must not raise.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Start no thread yet."""
        self._loop = loop
        self._calls: Calls = queue.SimpleQueue()
        self._results: deque[tuple[Done, Any]] = deque()
        self._idle = threading.Semaphore(0)
        self._threads: list[threading.Thread] = []
        self._reported = False

    def submit(self, call: Call, done: Done) -> None:
        """Run ``call`` in a thread, then ``done`` with its result on the loop.

        Raises CannotStart, with nothing run, when the system has no thread left.
        """
        # An idle thread takes it, or one more is started. The worker's slots limit their number.
        if not self._idle.acquire(blocking=False):
            restore_hooks()
            thread = threading.Thread(
                target=self._work, args=(self._calls, self._idle), name="dutiful-slot", daemon=True
            )
            with starting("thread"):
                thread.start()
            self._threads.append(thread)
        self._calls.put((call, done))

    def close(self) -> bool:
        """Let idle threads end; False when some still run a call and cannot be stopped.

        A call that is submitted after this runs in a new thread.
        """
        threads, calls = self._threads, self._calls
        self._threads, self._calls, self._idle = [], queue.SimpleQueue(), threading.Semaphore(0)
        for _ in threads:
            calls.put(None)
        end = monotonic() + _FAREWELL
        for thread in threads:
            thread.join(max(end - monotonic(), 0))
        return not any(thread.is_alive() for thread in threads)

    def _work(self, calls: Calls, idle: threading.Semaphore) -> None:
        while (item := calls.get()) is not None:
            call, done = item
            result = contextvars.copy_context().run(forks.guarded, call)
            self._results.append((done, result))
            del item, call, done, result
            # Before the loop is notified, because it may submit the next call immediately.
            idle.release()
            if not self._reported:
                self._reported = True
                try:
                    self._loop.call_soon_threadsafe(self._deliver)
                except RuntimeError:  # the loop is closed: the worker has abandoned this thread
                    return

    def _deliver(self) -> None:
        # Cleared first, so that a result that arrives after this line causes another delivery.
        self._reported = False
        while self._results:
            done, result = self._results.popleft()
            done(result)


async def in_own_thread(call: Callable[[], T]) -> T:
    """Run a blocking call in a new thread: a task may have shut down the loop's executor."""
    pool = ThreadPoolExecutor(1)
    try:
        started = asyncio.get_running_loop().run_in_executor(pool, call)
    except RuntimeError:  # no thread can be started
        return call()
    finally:
        pool.shutdown(wait=False)
    return await started
