"""A thread that is blocked until others have done something for it.

Those who work for it may have to wait for what only that thread can see: a transaction that it has
open itself. They leave a question, which the blocked thread answers while it waits.
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
    """What a blocked thread is asked, once in a while."""

    over: bool
    """Whether nobody wants to know any more."""

    def next(self) -> float:
        """Return after how many seconds to look."""
        ...

    def look(self) -> None:
        """Look, in the blocked thread, and tell who asked."""
        ...


class Blocked:
    """One thread that waits for a future; all but `ask` and `waits` belongs to that thread."""

    def __init__(self) -> None:
        """Begin with no question."""
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
        """Let what is begun in this block, tasks and copies of the context, know who waits."""
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
    """Return the thread that is blocked until the code that asks is done."""
    return _blocked.get()
