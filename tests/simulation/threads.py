"""Threads of a simulated process: what they call is a step of the loop, and may have to wait."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextvars import Context, copy_context
from typing import Any

from .loop import SimLoop

_PRESENT = threading.local()


class SimThreads:
    """Stands in for the worker's threads: a call is one step of the loop, a moment later."""

    def __init__(self, loop: SimLoop) -> None:
        self._loop = loop

    def submit(self, call: Callable[[], Any], done: Callable[[Any], None]) -> None:
        """Run ``call``, then ``done`` with its result, each as a step of its own.

        Now and then a call waits long, as for the lock of a store.
        """
        loop = self._loop

        def finish(result: Any) -> None:
            loop.soon(done, result)

        loop.soon(lambda: loop.aside(call, finish), longest=2.0)

    def close(self) -> bool:
        """Nothing can be left behind."""
        return True


class Gone(BaseException):
    """Ends a thread whose world is over."""


class Crowd:
    """Real threads, of which one at a time runs, and only while the loop stands still for it."""

    def __init__(self) -> None:
        self._asleep: set[SimThread] = set()

    def aside(self, call: Callable[[], Any], done: Callable[[Any], None]) -> None:
        """Make a call in a thread until it ends or pauses; once it has ended, call ``done``."""
        thread = SimThread(self._asleep, call, done)
        thread.start()

    def close(self) -> None:
        """End all that still wait; they belong to killed processes."""
        for thread in list(self._asleep):
            thread.end()


class SimThread:
    """A call that can pause until a later step of the loop."""

    def __init__(
        self, asleep: set[SimThread], call: Callable[[], Any], done: Callable[[Any], None]
    ) -> None:
        self.context: Context = copy_context()
        self._asleep = asleep
        self._call = call
        self._done = done
        self._turn = threading.Semaphore(0)
        self._back = threading.Semaphore(0)
        self._over = self._gone = False
        self._result: Any = None

    def start(self) -> None:
        """Run until the call ends or pauses."""
        threading.Thread(target=self._live, name="simulated", daemon=True).start()
        self._await()

    def pause(self) -> None:
        """Give the turn back to the loop until `resume`; called in the thread itself."""
        self._asleep.add(self)
        self._back.release()
        self._turn.acquire()
        if self._gone:
            raise Gone

    def resume(self) -> None:
        """Go on, as a step of the loop."""
        self._asleep.discard(self)
        self._turn.release()
        self._await()

    def end(self) -> None:
        """Go on only to unwind."""
        self._gone = True
        self.resume()

    def _live(self) -> None:
        _PRESENT.thread = self
        try:
            self._result = self.context.copy().run(self._call)
        except Gone:
            self._gone = True
        finally:
            self._over = True
            self._back.release()

    def _await(self) -> None:
        self._back.acquire()
        if self._over and not self._gone:
            self._done(self._result)


def present() -> SimThread:
    """Return the thread that calls."""
    thread: SimThread = _PRESENT.thread
    return thread
