"""Coroutines of jobs: an exception that would end the loop ends only the attempt.

In asyncio a SystemExit or KeyboardInterrupt of any task ends the whole loop. In a worker, the task
that raised it is a part of a job, so it ends that job's attempt. A forked copy of the process
never awaits.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Generator
from contextlib import suppress
from contextvars import Context
from types import CodeType, TracebackType
from typing import Any, Protocol, TypeVar

from dutiful.worker import forks
from dutiful.worker.owned_task import OWNER, OwnedTask, Owner

from .standard import open_standard
from .stepping import Awaited

T = TypeVar("T")

_FAREWELL = 0.5
"""Seconds that tasks which jobs left on the loop get to end."""
_TRIES = 10
"""A loop that has been run this many times without running anything is broken."""
ENDING = (SystemExit, KeyboardInterrupt)
"""The exceptions that asyncio raises out of the loop, not only in the task."""


class Contained(Coroutine[Any, Any, Any]):
    """Wraps a coroutine that an owner runs."""

    __slots__ = ("__weakref__", "_inner", "_origin", "_owner")

    def __init__(self, inner: Coroutine[Any, Any, Any], owner: Owner) -> None:
        """Wrap ``inner``, in this process only."""
        self._inner = inner
        self._owner = owner
        self._origin = forks.this_process

    def send(self, value: Any) -> Any:
        """Resume the coroutine."""
        origin = self._origin
        if forks.this_process is not origin:
            forks.leave(None)
        try:
            awaited = self._inner.send(value)
        except StopIteration:  # the usual end
            if forks.this_process is not origin:
                forks.leave(None)
            raise
        except BaseException as error:
            self._judge(error)
            raise
        if forks.this_process is not origin:
            forks.leave(Awaited())
        return awaited

    def throw(  # type: ignore[override]  # one of three forms is enough
        self,
        kind: Any,
        value: BaseException | None = None,
        trace: TracebackType | None = None,
    ) -> Any:
        """Raise an exception in the coroutine."""
        if forks.this_process is not self._origin:
            forks.leave(None)
        try:
            awaited = self._inner.throw(kind if value is None else value)
        except BaseException as error:
            self._judge(error)
            raise
        if forks.this_process is not self._origin:
            forks.leave(Awaited())
        return awaited

    def close(self) -> None:
        """Close the coroutine."""
        self._inner.close()

    def __await__(self) -> Generator[Any, Any, Any]:
        """Be awaited like the coroutine."""
        return self._inner.__await__()

    def __getattr__(self, name: str) -> Any:
        """Return the coroutine's own frame, code and name, for tools that inspect tasks."""
        return getattr(self._inner, name)

    def _judge(self, error: BaseException) -> None:
        """Let the exceptions pass that may end a coroutine; keeps no reference to them."""
        if forks.this_process is not self._origin:
            forks.leave(error)
        if isinstance(error, ENDING):
            if not self._owner.exited(error):
                _report(asyncio.get_running_loop(), error)
            raise asyncio.CancelledError(f"{type(error).__name__} ended the attempt") from error


class Spawn(Protocol):
    """Makes the task of an attempt."""

    def __call__(
        self, coroutine: Coroutine[Any, Any, None], owner: Owner, context: Context, /
    ) -> asyncio.Task[None]:
        """Make a task that runs a coroutine in a context."""
        ...


class _Factory:
    """A loop's task factory that contains the tasks of owners, on top of the one before."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.before = loop.get_task_factory()
        self.users = 0
        self.descriptor = _backend(loop)
        if self.descriptor is not None:
            # Closed in a copy, so that the copy cannot run the loop and take its wake-ups.
            forks.close_in_copies(self.descriptor)

    def __call__(
        self, loop: asyncio.AbstractEventLoop, coroutine: Any, **options: Any
    ) -> asyncio.Future[Any]:
        context: Context | None = options.get("context")
        owner = OWNER.get() if context is None else context.get(OWNER)
        if owner is not None and asyncio.iscoroutine(coroutine):
            coroutine = Contained(coroutine, owner)
        if self.before is None:
            task: OwnedTask[Any] = OwnedTask(coroutine, loop=loop, **options)
            task.owner = owner
            return task
        return self.before(loop, coroutine, **options)


def spawner(loop: asyncio.AbstractEventLoop) -> Spawn:
    """Return the function that makes the tasks of attempts, with wrapped coroutines."""
    factory = _ours(loop)

    def owned(
        coroutine: Coroutine[Any, Any, None], owner: Owner, context: Context
    ) -> asyncio.Task[None]:
        task = OwnedTask(coroutine, loop=loop, context=context)
        task.owner = owner
        return task

    if factory is not None and factory.before is None:
        return owned
    return lambda coroutine, _, context: loop.create_task(coroutine, context=context)


def contain(loop: asyncio.AbstractEventLoop) -> None:
    """Wrap the tasks that owners start on a loop, until `release` has been called as many times.

    A loop without task factories (as in some libraries) is left as it is.
    """
    factory = _ours(loop)
    if factory is None:
        try:
            factory = _Factory(loop)
            loop.set_task_factory(factory)
        except NotImplementedError:  # it has none
            return
    factory.users += 1


def release(loop: asyncio.AbstractEventLoop) -> None:
    """Restore the loop's previous task factory."""
    factory = _ours(loop)
    if factory is not None:
        factory.users -= 1
        if not factory.users:
            loop.set_task_factory(factory.before)
            if factory.descriptor is not None:
                forks.keep_in_copies(factory.descriptor)


def _ours(loop: asyncio.AbstractEventLoop) -> _Factory | None:
    """Return the factory that `contain` has set on a loop, None where there is none."""
    try:
        factory: Any = loop.get_task_factory()
    except NotImplementedError:  # it has none, as the abstract loop says
        return None
    return factory if isinstance(factory, _Factory) else None


def _backend(loop: Any) -> int | None:
    """Return the descriptor on which a loop waits, if the loop makes it known."""
    ask = getattr(loop, "_get_backend_id", None) or getattr(
        getattr(loop, "_selector", None), "fileno", None
    )
    return None if ask is None else ask()


def run(loop: asyncio.AbstractEventLoop, main: asyncio.Task[T]) -> T:
    """Run a loop until ``main`` ends, even if a callback of a job raises SystemExit.

    With asyncio's own loop the owner of the callback can be found, and its attempt ends. uvloop
    does not show it: there the exception is only logged. The error of a loop that can no longer run
    is raised.
    """
    pid = forks.this_process.pid
    tries = 0

    def runs() -> None:
        nonlocal tries
        tries = 0

    while True:
        # A task may have closed them; uvloop's own pipe would take their numbers, and the next such
        # task would close it.
        open_standard()
        loop.call_soon(runs)
        tries += 1
        try:
            return loop.run_until_complete(main)
        except ENDING as error:
            if main.done():
                raise
            owner = _owner_of(error.__traceback__)
            if owner is None or not owner.exited(error):
                _report(loop, error)
        except Exception as error:
            if main.done() or forks.copied(pid) or tries > _TRIES:
                raise
            _report(loop, error)  # a job has stopped the loop, or broken its error handler


def close(loop: asyncio.AbstractEventLoop) -> bool:
    """Cancel the tasks that still run on a loop and close it; False when one did not end."""
    pid = forks.this_process.pid

    async def end() -> bool:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for other in others:
            other.cancel()
        late: set[Any] = set()
        if others:
            _, late = await asyncio.wait(others, timeout=_FAREWELL)
        ending = asyncio.create_task(loop.shutdown_asyncgens())
        _, stuck = await asyncio.wait((ending,), timeout=_FAREWELL)
        return not (late or stuck)

    try:
        clean = run(loop, loop.create_task(end()))
    except Exception as error:  # noqa: BLE001 - whatever a loop that is broken says
        if forks.copied(pid):
            forks.leave(error)
        _report(loop, error)
        return False
    if clean:
        asyncio.set_event_loop(None)
        loop.close()
    return clean


_RUN: CodeType = asyncio.Handle._run.__code__


def _owner_of(trace: TracebackType | None) -> Owner | None:
    while trace is not None:
        if trace.tb_frame.f_code is _RUN:
            context: Context | None = getattr(trace.tb_frame.f_locals["self"], "_context", None)
            return None if context is None else context.get(OWNER)
        trace = trace.tb_next
    return None


def _report(loop: asyncio.AbstractEventLoop, error: BaseException) -> None:
    message = f"{type(error).__name__} of a job's code that belongs to no running attempt"
    with suppress(Exception):  # logging itself may be what a task has broken
        loop.call_exception_handler({"message": message, "exception": error})
