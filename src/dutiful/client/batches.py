"""Cuts any stream of jobs into batches, and builds the next one while the last is stored."""

from __future__ import annotations

import asyncio
from collections.abc import (
    AsyncIterable,
    AsyncIterator,
    Awaitable,
    Callable,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from itertools import islice
from typing import TypeVar

from dutiful.contract.beside import is_ending
from dutiful.contract.blocked import Blocked
from dutiful.contract.reentry import refuse_reentry
from dutiful.core.errors import BadOption
from dutiful.core.text import shown

T = TypeVar("T")

BATCH_MAX = 1_000_000
_EXAMPLE = "write app.enqueue_many(task.job(id) for id in ids)"
_SLICE = 100
"""How many items are taken from a sync source before other coroutines may run."""


def chunks(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Yield lists of at most ``size`` items, so that memory stays flat however many there are.

    >>> list(chunks("abc", 2))
    [['a', 'b'], ['c']]
    """
    batch_size(size)
    return _chunks(_iterated(items), size)


def _chunks(source: Iterator[T], size: int) -> Iterator[list[T]]:
    while part := list(islice(source, size)):
        yield part


def achunks(items: Iterable[T] | AsyncIterable[T], size: int) -> AsyncIterator[list[T]]:
    """Yield lists of at most ``size`` items of a sync or an async source."""
    batch_size(size)
    return _achunks(items if isinstance(items, AsyncIterable) else _iterated(items), size)


def batch_size(size: int) -> None:
    """Raise BadOption for a number that is not a batch size."""
    if type(size) is not int or not 0 < size <= BATCH_MAX:
        raise BadOption(f"batch={shown(size)}; use a whole number from 1 to {BATCH_MAX:,}")


def _holds_no_jobs(items: object) -> bool:
    return isinstance(items, str | bytes | Mapping)


def _iterated(items: Iterable[T]) -> Iterator[T]:
    if _holds_no_jobs(items):
        raise BadOption(f"{shown(items)} are not jobs; {_EXAMPLE}")
    try:
        return iter(items)
    except TypeError:
        raise BadOption(f"{shown(items)} cannot be iterated; {_EXAMPLE}") from None


async def _achunks(source: Iterator[T] | AsyncIterable[T], size: int) -> AsyncIterator[list[T]]:
    part = list[T]()
    if not isinstance(source, AsyncIterable):
        while few := list(islice(source, min(_SLICE, size - len(part)))):
            part += few
            if len(part) == size:
                yield part
                part = []
            await asyncio.sleep(0)
    else:
        async for item in source:
            part.append(item)
            if len(part) == size:
                yield part
                part = []
    if part:
        yield part


def overlapped(parts: Iterable[Sequence[T]], size: int, store: Callable[[Sequence[T]], int]) -> int:
    """Store each part in a thread while the next one is built, and return the sum.

    One part is under way at a time, so that they are stored in their order: an error of one ends
    it before the next is begun, and an error of the source leaves all parts before it stored.
    """
    refuse_reentry()  # a thread of its own could not know that it is inside a write
    if is_ending():  # no thread can be started any more
        return sum(map(store, parts))
    total = 0
    pending: tuple[Blocked, Future[int]] | None = None
    with ThreadPoolExecutor(1, thread_name_prefix="dutiful-enqueue") as aside:
        try:
            for part in parts:
                if pending is None and len(part) < size:
                    return store(part)  # it is the only one
                ended, pending = pending, None
                total += _awaited(ended)
                pending = _begun(aside, store, part)
        finally:
            total += _awaited(pending)
    return total


def _begun(
    aside: ThreadPoolExecutor, store: Callable[[Sequence[T]], int], part: Sequence[T]
) -> tuple[Blocked, Future[int]]:
    blocked = Blocked()
    with blocked.works_here():
        return blocked, aside.submit(copy_context().run, store, part)


def _awaited(pending: tuple[Blocked, Future[int]] | None) -> int:
    return 0 if pending is None else pending[0].wait(pending[1])


async def aoverlapped(parts: AsyncIterable[T], store: Callable[[T], Awaitable[int]]) -> int:
    """Do what `overlapped` does, in a task instead of a thread."""
    total = 0
    pending: asyncio.Future[int] | None = None
    try:
        async for part in parts:
            ended, pending = pending, None
            total += await ended if ended else 0
            pending = asyncio.ensure_future(store(part))
    finally:
        total += await pending if pending else 0
    return total
