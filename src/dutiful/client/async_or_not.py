"""Says whether a callable is async, whatever it is made of."""

from __future__ import annotations

import asyncio
import inspect
import sys
from functools import partial
from typing import Any, cast

from dutiful.core.bare import kind_of

_DEPTH_MAX = 20
if sys.version_info >= (3, 12):
    _MARK = None
else:
    _MARK = cast(Any, asyncio.coroutines)._is_coroutine


def is_async(fn: Any) -> bool:
    """Whether calling it gives a coroutine, as far as can be seen without calling it.

    Sees through partials, methods, tasks and objects with an ``async def __call__``.

    >>> async def fetch() -> None: ...
    >>> is_async(partial(fetch)), is_async(print)
    (True, False)
    """
    fn = beneath(fn)
    return _marked(fn) or _marked(_call_of(fn))


def beneath(fn: Any) -> Any:
    """Return what partials and static methods call in the end."""
    for _ in range(_DEPTH_MAX):
        if isinstance(fn, partial):
            fn = cast(Any, fn).func
        elif isinstance(fn, staticmethod):
            fn = cast(Any, fn).__func__
        else:
            break
    return fn


def runs(fn: Any) -> Any:
    """Return the function whose code runs when it is called: of an object its ``__call__``."""
    fn = beneath(fn)
    return _call_of(fn) or fn


def mark_async(fn: Any) -> None:
    """Let `inspect` and `asyncio` see that an object gives a coroutine when it is called."""
    if sys.version_info >= (3, 12):
        inspect.markcoroutinefunction(fn)
    else:
        fn._is_coroutine = _MARK


def _call_of(fn: Any) -> Any:
    """Return an object's ``__call__``; None for functions and classes."""
    if inspect.isroutine(fn) or isinstance(fn, type):
        return None
    kind = kind_of(fn)
    return beneath(getattr(kind, "__call__", None))  # noqa: B004 - to look at, not to ask


def _marked(fn: Any) -> bool:
    if inspect.iscoroutinefunction(fn):
        return True
    return _MARK is not None and getattr(fn, "_is_coroutine", None) is _MARK
