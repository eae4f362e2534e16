"""A thread with an event loop, so that sync code can ask async engines."""

from __future__ import annotations

import asyncio
import os
import threading
import weakref
from collections.abc import Coroutine
from concurrent.futures import CancelledError, Future
from typing import Any, TypeVar

from dutiful.contract.blocked import Blocked
from dutiful.contract.reentry import refuse_reentry
from dutiful.core.errors import UsageError

from .looping import refuse_on_loop

T = TypeVar("T")


_ORPHANS: list[asyncio.AbstractEventLoop] = []
"""Loops of a parent process: a fork can neither run nor close them."""


class Portal:
    """Runs coroutines for sync callers on one daemon thread, started when first needed."""

    def __init__(self) -> None:
        """Start nothing yet."""
        self._lock = threading.RLock()  # a signal handler may interrupt its holder
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._pid = 0
        self._closings = 0
        _portals.add(self)

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run an async method for its sync counterpart, whose name lacks the ``a`` in front.

        Raises UsageError, before anything runs, where an event loop runs: it would be blocked, and
        indefinitely if the coroutine waits for something on it. A fork starts a thread of its own,
        since threads do not survive one. Where no thread can be started, as when the interpreter
        is about to end, the coroutine runs in the caller's. UsageError also when another thread
        closes the portal meanwhile.
        """
        call = getattr(coroutine, "__name__", "").removeprefix("a")
        blocked, closings = Blocked(), self._closings
        try:
            refuse_on_loop(call)
            refuse_reentry()
            with blocked.works_here():
                future = self._begun(coroutine)
        except BaseException:
            coroutine.close()
            raise
        if future is None:
            return _run_here(coroutine)
        try:
            return blocked.wait(future)
        except CancelledError as error:
            if closings == self._closings or not future.cancelled():
                raise
            raise UsageError(
                f"the app was closed before {_worded(call)} was done; what it had changed by then, "
                "such as the batches before, stays. Close an app when its calls have ended"
            ) from error
        except BaseException:
            future.cancel()  # the caller waits no longer, for example after Ctrl-C
            raise

    def close(self) -> None:
        """Stop the thread; the next call starts another."""
        with self._lock:
            loop, thread = self._loop, self._thread
            self._loop = self._thread = None
            self._closings += 1
        if loop is not None and thread is not None and self._pid == os.getpid():
            asyncio.run_coroutine_threadsafe(_cancel_all(), loop).result()
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            loop.close()

    def forsake(self) -> None:
        """Start again in the child of a fork, where no thread will release the lock."""
        self._lock = threading.RLock()

    def _begun(self, coroutine: Coroutine[Any, Any, T]) -> Future[T] | None:
        """Begin a call; under the lock, since a loop that `close` stops would never run it."""
        with self._lock:
            loop = self._started()
            return None if loop is None else asyncio.run_coroutine_threadsafe(coroutine, loop)

    def _started(self) -> asyncio.AbstractEventLoop | None:
        """Return the loop; None where its thread cannot be started."""
        with self._lock:
            if self._loop is None or self._pid != os.getpid():
                loop = asyncio.new_event_loop()
                thread = threading.Thread(
                    target=loop.run_forever, name="dutiful-portal", daemon=True
                )
                try:
                    thread.start()
                except RuntimeError:
                    loop.close()
                    return None
                if self._loop is not None:
                    _ORPHANS.append(self._loop)
                self._loop, self._thread, self._pid = loop, thread, os.getpid()
            return self._loop


def _worded(call: str) -> str:
    return f"{call}()" if call and not call.startswith("_") else "a call"


_portals: weakref.WeakSet[Portal] = weakref.WeakSet()


def _after_fork_in_child() -> None:
    for portal in list(_portals):
        portal.forsake()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)


def _run_here(coroutine: Coroutine[Any, Any, T]) -> T:
    with asyncio.Runner() as runner:
        return runner.run(coroutine)


async def _cancel_all() -> None:
    """End what still waits, or its callers would wait indefinitely."""
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
