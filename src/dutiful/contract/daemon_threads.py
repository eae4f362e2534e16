"""Threads of our own for blocking calls: a job can neither stop them nor occupy all of them."""

from __future__ import annotations

import os
import sys
import threading
import traceback
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor, Future
from contextlib import suppress
from queue import Empty, SimpleQueue
from time import sleep
from typing import Any, NoReturn, TypeVar, cast

T = TypeVar("T")

_MANY = 32
"""Up to this many threads are started without delay; more only when a call has waited for long."""
_LONG = 0.5
_IDLE_SECONDS = 10.0
"""How long a thread waits for its next call before it ends."""

Item = tuple[Future[Any], Callable[[], Any]]


class DaemonThreads(Executor):
    """Daemon threads: always a few more than there are calls that hang.

    They do not keep the process alive. No lock is used: a finalizer may run in any thread at any
    moment, and would then wait for a lock that its own thread holds.
    """

    def __init__(self) -> None:
        """Start no thread yet."""
        self.forsake()

    def forsake(self) -> None:
        """Start again in the child of a fork, which has none of these threads."""
        self._calls = SimpleQueue[Item]()
        """What was given to a thread that was idle."""
        self._idle = SimpleQueue[None]()
        """Has an entry for each thread that waits for a call."""
        self._backlog = deque[Item]()
        self._alive = set[object]()
        self._relieving = False

    def submit(self, call: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """Run a call in a thread; RuntimeError where not even one can be started."""
        future: Future[T] = Future()
        item: Item = future, lambda: call(*args, **kwargs)
        if self._has_idle():
            self._calls.put(item)
        elif len(self._alive) < _MANY:
            try:
                self._start(item)
            except RuntimeError:
                if not self._alive:
                    raise
                self._wait_in_line(item)
        else:
            self._wait_in_line(item)
        return future

    def _has_idle(self) -> bool:
        """Take an entry of an idle thread, if there is one."""
        try:
            self._idle.get_nowait()
        except Empty:
            return False
        return True

    def _start(self, item: Item | None = None) -> None:
        restore_hooks()
        key = object()
        self._alive.add(key)
        try:
            threading.Thread(
                target=self._work, args=(key, item), name="dutiful-beside", daemon=True
            ).start()
        except BaseException:
            self._alive.discard(key)
            raise

    def _work(self, key: object, item: Item | None) -> None:
        item = item or self._next()
        while True:
            while item is not None:
                _run(item)
                item = self._next()
            self._idle.put(None)
            if self._backlog and self._has_idle():  # a call was submitted just before
                item = self._next()
                continue
            if (item := self._waited()) is None:
                self._alive.discard(key)
                return

    def _waited(self) -> Item | None:
        """Wait for a call as an idle thread; None when none came, and this thread's entry is taken.

        A thread whose entry a caller has taken waits on for that caller's call. It must not make
        another entry: the next call would be given to a thread that is busy.
        """
        while True:
            try:
                return self._calls.get(timeout=_IDLE_SECONDS)
            except Empty:
                if self._has_idle():
                    return None

    def _next(self) -> Item | None:
        try:
            return self._backlog.popleft()
        except IndexError:
            return None

    def _wait_in_line(self, item: Item) -> None:
        self._backlog.append(item)
        if not self._relieving:
            self._relieving = True
            try:
                threading.Thread(target=self._relieve, name="dutiful-relief", daemon=True).start()
            except RuntimeError:  # no thread is left: those that run have to suffice
                self._relieving = False

    def _relieve(self) -> None:
        """Start one more thread whenever no call has left the line for long."""
        while True:
            while (before := self._first()) is not None:
                sleep(_LONG)
                if self._first() is before:
                    with suppress(RuntimeError):
                        self._start()
            self._relieving = False
            if not self._backlog:  # a call may have been queued before the line above
                return
            self._relieving = True

    def _first(self) -> Item | None:
        try:
            return self._backlog[0]
        except IndexError:
            return None


def restore_hooks() -> None:
    """Put back what no thread is made without, where a task has set it to None."""
    if cast(Any, sys.excepthook) is None:
        sys.excepthook = sys.__excepthook__
    if cast(Any, threading.excepthook) is None:
        threading.excepthook = threading.__excepthook__


def _run(item: Item) -> None:
    future, call = item
    if not future.set_running_or_notify_cancel():
        return
    pid = os.getpid()
    error: BaseException | None = None
    value = None
    try:
        value = call()
    except BaseException as raised:  # noqa: BLE001 - carried to the caller and raised there
        error = raised
    if os.getpid() != pid:
        _leave(error)
    if error is None:
        future.set_result(value)
    else:
        future.set_exception(error)


def _leave(error: BaseException | None) -> NoReturn:
    """End a copy of the process that the call forked: the waiting code is in the original."""
    try:
        if error is not None:
            traceback.print_exception(error)
        for stream in (sys.stdout, sys.stderr):
            with suppress(Exception):
                stream.flush()
    finally:
        os._exit(0 if error is None else 1)


THREADS = DaemonThreads()
"""Those of this process."""

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=THREADS.forsake)
