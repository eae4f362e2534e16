"""A thread that is blocked until other code has done something for it.

The other code may itself have to wait for something that only the blocked thread can find out: that
this thread has a transaction open. It leaves a question, which the blocked thread answers while it
waits.
"""

from __future__ import annotations

import queue
from collections.abc import Generator
from concurrent.futures import Future
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Protocol, TypeVar

T = TypeVar("T")


class Question(Protocol):
    """A question that a blocked thread answers, at intervals that the question chooses."""

    over: bool
    """Whether the answer is no longer needed."""

    def next(self) -> float:
        """Return the seconds until the next call to `look`."""
        ...

    def look(self) -> None:
        """Look, in the blocked thread, and report the answer to the code that asked."""
        ...


class Blocked:
    """A thread that waits for a future; other threads may call only `ask` and `waits`."""

    def __init__(self) -> None:
        """Start without a question."""
        self._said = queue.SimpleQueue[Question | None]()
        self._waits = True

    @property
    def waits(self) -> bool:
        """Whether the wait goes on; once it has ended, no question is answered."""
        return self._waits

    def ask(self, question: Question) -> None:
        """Leave a question, from any thread; nothing happens when the wait has ended."""
        if self._waits:
            self._said.put(question)

    @contextmanager
    def works_here(self) -> Generator[None]:
        """Mark the tasks and context copies that this block makes as work for this thread."""
        token = _blocked.set(self)
        try:
            yield
        finally:
            _blocked.reset(token)

    def wait(self, future: Future[T]) -> T:
        """Return the future's result, and answer questions until it is there."""
        future.add_done_callback(lambda _: self._said.put(None))
        questions: list[Question] = []
        try:
            while not future.done():
                questions = [one for one in questions if not one.over]
                soonest = min((one.next() for one in questions), default=None)
                try:
                    question = self._said.get(timeout=soonest)
                except queue.Empty:
                    for one in questions:
                        one.look()
                else:
                    questions += [question] if question is not None else []
            return future.result()
        finally:
            self._waits = False


_blocked: ContextVar[Blocked | None] = ContextVar("dutiful_blocked", default=None)


def who_waits() -> Blocked | None:
    """Return the thread that is blocked until the calling code has finished; None if none is."""
    return _blocked.get()
