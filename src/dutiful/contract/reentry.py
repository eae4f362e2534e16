"""Whether this thread is in the middle of a write to a store.

A signal handler, a finalizer or a weakref's callback may run at any moment, also during a write of
the same thread. That write keeps its locks until the handler returns, so a second write in the
handler would be a deadlock.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Generator
from contextlib import contextmanager
from threading import get_ident

from dutiful.core.errors import UsageError

writing: set[int] = set()
"""The threads that are in the middle of a write."""

_INTERRUPTED = (
    "a signal handler, a finalizer or a callback has interrupted this thread in the middle of a "
    "write to the store, and a second write would wait for the first; record there what is to be "
    "done, and do it in the main program or in another thread"
)


def refuse_reentry() -> None:
    """Raise UsageError when a write would deadlock with one below it, or at interpreter exit."""
    if get_ident() in writing:
        raise UsageError(_INTERRUPTED)
    if sys.is_finalizing():
        raise UsageError(
            "the interpreter is ending, and its threads have stopped; enqueue earlier, at the "
            "latest in a function registered with atexit"
        )


def is_inside() -> bool:
    """Whether this thread is in the middle of a write."""
    return get_ident() in writing


@contextmanager
def insider() -> Generator[None]:
    """Mark this thread as writing for the length of a block."""
    ident = get_ident()
    writing.add(ident)
    try:
        yield
    finally:
        writing.discard(ident)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=writing.clear)
