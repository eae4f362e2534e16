"""A thread with an event loop, so that sync code can ask async engines."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

from dutiful.core.errors import UsageError

T = TypeVar("T")


_ORPHANS: list[asyncio.AbstractEventLoop] = []
"""Loops of a parent process: a fork can neither run nor close them."""


class Portal:
    """Runs coroutines for sync callers on one daemon thread, started when first needed."""

    def __init__(self) -> None:
        """Start nothing yet."""
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._pid = 0

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine to its end and return its result; raises UsageError on the portal itself.

        A fork starts a thread of its own, since threads do not survive one.
        """
        loop = self._started()
        if threading.current_thread() is self._thread:
            coroutine.close()
            raise UsageError("a sync call from the portal's own loop would wait for itself")
        future = asyncio.run_coroutine_threadsafe(coroutine, loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()  # nobody waits any more, after Ctrl-C for one
            raise

    def close(self) -> None:
        """Stop the thread; the next call starts another."""
        with self._lock:
            loop, thread = self._loop, self._thread
            self._loop = self._thread = None
        if loop is not None and thread is not None and self._pid == os.getpid():
            asyncio.run_coroutine_threadsafe(_cancel_all(), loop).result()
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            loop.close()

    def _started(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None or self._pid != os.getpid():
                if self._loop is not None:
                    _ORPHANS.append(self._loop)
                self._pid = os.getpid()
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(
                    target=self._loop.run_forever, name="dutiful-portal", daemon=True
                )
                self._thread.start()
            return self._loop


async def _cancel_all() -> None:
    """End what still waits, or its callers would wait for ever."""
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
