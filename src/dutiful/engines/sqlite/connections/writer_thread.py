"""The thread that commits for coroutines, and for all callers while another process writes."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable

from dutiful.contract.reentry import insider

_IDLE_SECONDS = 10.0


class WriterThread:
    """Commits when called; ends when stopped, or when it was not called for some time."""

    def __init__(self, lead: Callable[[], object]) -> None:
        """Start nothing yet."""
        self._lead = lead
        self._guard = threading.RLock()
        self._thread: threading.Thread | None = None
        self._calls = queue.SimpleQueue[bool]()

    def call(self) -> bool:
        """Call the thread; False if none can be started, as at the interpreter's end."""
        with self._guard:
            if self._thread is None:
                thread = threading.Thread(
                    target=self._serve, name="dutiful-sqlite-writer", daemon=True
                )
                try:
                    thread.start()
                except RuntimeError:
                    return False
                self._thread = thread
            self._calls.put(True)
            return True

    def stop(self, seconds: float = 0) -> None:
        """End the thread after the calls so far; wait for at most ``seconds``."""
        with self._guard:
            thread = self._thread
            if thread is None:
                return
            self._calls.put(False)
        if seconds and thread is not threading.current_thread():
            thread.join(seconds)

    def _serve(self) -> None:
        with insider():
            while True:
                try:
                    called = self._calls.get(timeout=_IDLE_SECONDS)
                except queue.Empty:
                    called = False
                if called:
                    self._lead()
                    continue
                with self._guard:
                    if self._calls.empty():
                        self._thread = None
                        return
