"""Whether this thread is at work in a store already, below the code that asks.

A signal handler, a finalizer or a weakref's callback may run at any moment, also in the middle of
a write of its own thread. Whatever that write holds it keeps until the handler returns, so a write
in the handler that waited for it would wait for itself.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Generator
from contextlib import contextmanager
from threading import get_ident

from dutiful.core.errors import UsageError

_inside: set[int] = set()

_INTERRUPTED = (
    "a signal handler, a finalizer or a callback has interrupted this thread in the middle of a "
    "write to the store, and a second one there would wait for the first; note there what is to "
    "be done, and do it in the main flow or in another thread"
)


def refuse_reentry() -> None:
    """Raise UsageError where waiting for the store would be waiting for ourselves."""
    if get_ident() in _inside:
        raise UsageError(_INTERRUPTED)
    if sys.is_finalizing():
        raise UsageError(
            "the interpreter is ending, and its threads have stopped; enqueue before, at the "
            "latest in a function registered with atexit"
        )


def is_inside() -> bool:
    """Whether this thread is in the middle of a write."""
    return get_ident() in _inside


@contextmanager
def insider() -> Generator[None]:
    """Be at work in the store for the length of a block."""
    ident = get_ident()
    _inside.add(ident)
    try:
        yield
    finally:
        _inside.discard(ident)


class Entering:
    """What `insider` does, for the hot path, and refused within itself."""

    __slots__ = ()

    def __enter__(self) -> None:
        """Enter; UsageError for who is inside already."""
        ident = get_ident()
        if ident in _inside or sys.is_finalizing():
            refuse_reentry()
        _inside.add(ident)

    def __exit__(self, *_: object) -> None:
        """Leave."""
        _inside.discard(get_ident())


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_inside.clear)
