"""Hooks around the call of a task's function, in the thread, child or coroutine that runs it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    AsyncExitStack,
    ExitStack,
)
from types import TracebackType
from typing import Any, TypeVar

from dutiful.core.event import HookFailed
from dutiful.core.outcome import Signal
from dutiful.core.redaction import secrets_of
from dutiful.core.text import worded

from .context import Context

T = TypeVar("T")

AroundCall = Callable[[Context], AbstractContextManager[Any] | AbstractAsyncContextManager[Any]]
Report = Callable[[HookFailed], None]


class _Watched(AbstractContextManager[Any], AbstractAsyncContextManager[Any]):
    """A hook's context manager; what it raises itself is reported as the hook's failure."""

    def __init__(self, hook: AroundCall, manager: Any, report: Report) -> None:
        self._name = name_of(hook)
        self._manager = manager
        self._report = report

    def __enter__(self) -> Any:
        try:
            return self._manager.__enter__()
        except BaseException as error:
            self._failed(error)
            raise

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool | None:
        try:
            answer: bool | None = self._manager.__exit__(kind, error, trace)
        except BaseException as raised:
            if raised is not error:
                self._failed(raised)
            raise
        return answer

    async def __aenter__(self) -> Any:
        try:
            return await self._manager.__aenter__()
        except BaseException as error:
            self._failed(error)
            raise

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool | None:
        try:
            answer: bool | None = await self._manager.__aexit__(kind, error, trace)
        except BaseException as raised:
            if raised is not error:
                self._failed(raised)
            raise
        return answer

    def _failed(self, error: BaseException) -> None:
        if not isinstance(error, Signal | asyncio.CancelledError | GeneratorExit):
            self._report(HookFailed(self._name, worded(error)))


def surrounded(
    hooks: Sequence[AroundCall], context: Context, call: Callable[[], T], report: Report
) -> T | None:
    """Call within the hooks whose context managers are sync; None when one suppressed an error."""
    value: T | None = None
    report = _hiding(context, report)
    with ExitStack() as stack:
        for hook in hooks:
            manager = _made(hook, context, report)
            if hasattr(manager, "__enter__"):
                stack.enter_context(_Watched(hook, manager, report))
        value = call()
    return value


async def asurrounded(
    hooks: Sequence[AroundCall], context: Context, call: Callable[[], Awaitable[T]], report: Report
) -> T | None:
    """Do the same with the hooks whose context managers are async."""
    value: T | None = None
    report = _hiding(context, report)
    async with AsyncExitStack() as stack:
        for hook in hooks:
            manager = _made(hook, context, report)
            if hasattr(manager, "__aenter__"):
                await stack.enter_async_context(_Watched(hook, manager, report))
        value = await call()
    return value


def name_of(hook: Callable[..., Any]) -> str:
    """Return what a hook is called in reports."""
    return str(getattr(hook, "__qualname__", None) or type(hook).__qualname__)


def _hiding(context: Context, report: Report) -> Report:
    """Report failures without the sensitive values of the job."""

    def hide(event: HookFailed) -> None:
        job = context.job
        report(HookFailed(event.hook, secrets_of(job.args, job.meta).hide(event.error)))

    return hide


def _made(hook: AroundCall, context: Context, report: Report) -> Any:
    try:
        manager = hook(context)
        if not (hasattr(manager, "__enter__") or hasattr(manager, "__aenter__")):
            raise TypeError(
                f"around_call: {name_of(hook)} returned {type(manager).__name__}; return a "
                "context manager, as contextlib.contextmanager makes one"
            )
    except BaseException as error:
        if not isinstance(error, Signal):
            report(HookFailed(name_of(hook), worded(error)))
        raise
    return manager
