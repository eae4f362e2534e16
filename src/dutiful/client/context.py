"""What a running task knows about its job, and what it may ask of the store."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Generator
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    contextmanager,
    nullcontext,
)
from contextvars import ContextVar
from datetime import datetime
from typing import Any, ParamSpec, TypeVar, overload

from dutiful.contract.tracer import Tracer
from dutiful.core.errors import StepNotRecorded, UsageError
from dutiful.core.instant import moment
from dutiful.core.job import Job
from dutiful.core.outcome import Cancel
from dutiful.core.replacement import idempotency_key
from dutiful.core.task_log import LogLine
from dutiful.core.text import line

from .async_or_not import is_async
from .looping import refuse_on_loop
from .occurrence import ThisOccurrence, occurrence_of
from .own_attempt import Attempt
from .step_errors import STEP_NAME_MAX, recording

P = ParamSpec("P")
T = TypeVar("T")


class Transaction(AbstractContextManager[Any], AbstractAsyncContextManager[Any]):
    """The job's transaction, for ``with`` in sync tasks and ``async with`` in async ones.

    The block is given the store's connection (``sqlite3.Connection`` on SQLite). Everything is
    committed together with the job's completion when the task returns, and rolled back when it
    raises; several blocks in one attempt share the transaction.
    """

    def __init__(self, attempt: Attempt) -> None:
        """Open nothing yet."""
        self._attempt = attempt

    def __enter__(self) -> Any:
        """Open the transaction in this thread; UsageError where an event loop runs in it.

        On the worker's loop, the wait for the store's lock would hold up every other job there.
        """
        if self._attempt.job.worker is not None:  # a plain call is refused for what it is
            refuse_on_loop(
                "transaction",
                call="with ctx.transaction()",
                instead="async with ctx.transaction()",
            )
        return self._attempt.begin()

    def __exit__(self, *error: object) -> None:
        """Leave it open: the attempt's end commits it or rolls it back."""

    async def __aenter__(self) -> Any:
        """Open the transaction without blocking the loop while it waits for the store's lock."""
        return await self._attempt.abegin()

    async def __aexit__(self, *error: object) -> None:
        """Leave it open: the attempt's end commits it or rolls it back."""


class Context:
    """A task's view of its own job; declare a parameter of this type to be given it."""

    __slots__ = ("_attempt", "taken", "told_waiting")

    def __init__(self, attempt: Attempt) -> None:
        """Give a task its view of an attempt."""
        self._attempt = attempt
        self.taken: set[str] = set()
        """The names of the steps that this run of the function has taken."""
        self.told_waiting = False
        """Whether `SlotWaiting` was emitted: this job waits in its slot for another."""

    def waiting(self, now: bool) -> None:
        """Note whether the job waits for the result of another, for longer than a moment."""
        self._attempt.waits = now and self.holds_slot

    @property
    def holds_slot(self) -> bool:
        """Whether a worker runs this job in one of its slots; False for a plain call."""
        return self._attempt.job.worker is not None

    @staticmethod
    def current() -> Context:
        """Return the context of the task that calls, for code that is not given one.

        Raises UsageError outside of a task.
        """
        context = CURRENT.get()
        if context is None:
            raise UsageError("no task is running here; Context.current() works inside a task")
        return context

    @property
    def job(self) -> Job:
        """The job's record as it was claimed."""
        return self._attempt.job

    @property
    def job_id(self) -> str:
        """The job's id."""
        return self._attempt.job.id

    @property
    def idempotency_key(self) -> str:
        """A key for other systems: the same on every attempt of this job, and of no other job.

        When a job's arguments are replaced, or edited for a redrive, its key changes.
        """
        return idempotency_key(self._attempt.job.id, self._attempt.job.meta)

    @property
    def attempt(self) -> int:
        """Which attempt this is, from 1."""
        return self._attempt.job.attempt

    @property
    def max_attempts(self) -> int:
        """How many attempts there may be."""
        return self._attempt.job.max_attempts

    @property
    def enqueued_at(self) -> datetime:
        """When the job was enqueued, in UTC."""
        return moment(self._attempt.job.enqueued_at)

    @property
    def meta(self) -> dict[str, str]:
        """What the client attached to the job."""
        return self._attempt.job.meta

    @property
    def occurrence(self) -> ThisOccurrence | None:
        """Which occurrence of which schedule this job is; None for one that was enqueued."""
        return occurrence_of(self._attempt.job)

    @property
    def logged(self) -> tuple[LogLine, ...]:
        """What this attempt has logged so far, where the task's lines are captured."""
        return self._attempt.logged()

    @property
    def tracer(self) -> Tracer | None:
        """What traces the jobs of this app, if anything does."""
        return self._attempt.tracer

    @property
    def awaits(self) -> bool:
        """Whether this is an async task's context, whose steps are awaited."""
        return self._attempt.awaits

    @property
    def cancelled(self) -> bool:
        """Whether the attempt should end: the job is cancelled, out of time, or its worker stops.

        A thread cannot be stopped from outside, so long sync tasks look at this now and then.
        """
        return self._attempt.cancelled

    def check_cancelled(self) -> None:
        """Raise `Cancel` when the attempt should end."""
        if self._attempt.cancelled:
            raise Cancel("the attempt was asked to end")

    @overload
    def step(
        self, name: str, fn: Callable[P, Awaitable[T]], /, *args: P.args, **kwargs: P.kwargs
    ) -> Awaitable[T]: ...

    @overload
    def step(self, name: str, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T: ...

    def step(self, name: str, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        """Call ``fn`` and record its result; a later attempt gets the result instead.

        The name identifies the step within its job: using it again in the same attempt is
        refused with UsageError, unless its function raised. In an async task ``fn`` is async
        and the step is awaited; in a sync task it is a plain function. The result must be plain
        data and comes back as such. A crash after ``fn`` and before the record runs ``fn`` again:
        give it ``ctx.idempotency_key`` where that matters. Raises ClaimLost when the claim is
        stale, and StepNotRecorded when the result cannot be kept: unless the task catches it, the
        job dies.
        """
        if type(name) is not str:
            name = line(name, "step name", STEP_NAME_MAX)
        known, value = self._attempt.recall(name)
        if not known:
            line(name, "step name", STEP_NAME_MAX)
        async_fn = is_async(fn)
        if async_fn and not self._attempt.awaits:
            raise UsageError(f"step {name!r}: a sync task takes sync functions, not async ones")
        # A thread that an async task started takes steps as sync tasks do.
        if self._attempt.awaits and (async_fn or _in_loop()):
            return self._step(name, fn, args, kwargs, known, value)
        with self._taking(name):
            if known:
                return value
            with self._traced(name):
                result = fn(*args, **kwargs)
                with recording(name):
                    self._attempt.record_sync(name, result)
            return self._attempt.recall(name)[1]

    def transaction(self) -> Transaction:
        """Write to the job's store so that the writes and the job's completion commit together."""
        return Transaction(self._attempt)

    async def _step(
        self,
        name: str,
        fn: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        known: bool,
        value: Any,
    ) -> Any:
        with self._taking(name):
            if known:
                return value
            with self._traced(name):
                pending = fn(*args, **kwargs)
                if not inspect.isawaitable(pending):
                    raise StepNotRecorded(
                        f"step {name!r}: in an async task the function must be async; "
                        "wrap a blocking one: ctx.step(name, asyncio.to_thread, fn, ...)"
                    )
                result = await pending
                with recording(name):
                    await self._attempt.record(name, result)
            return self._attempt.recall(name)[1]

    def _traced(self, name: str) -> AbstractContextManager[Any]:
        tracer = self._attempt.tracer
        return nullcontext() if tracer is None else tracer.step(name, self.job)

    @contextmanager
    def _taking(self, name: str) -> Generator[None]:
        """Refuse a name's second use in an attempt: it would get the result of another effect."""
        if name in self.taken:
            raise UsageError(
                f"step {name!r} was taken already in this attempt, and would get the result of "
                "its first use; give each step a name of its own, such as "
                f"f'{name}-{{order}}', also in tasks that are called inline"
            )
        self.taken.add(name)
        try:
            yield
        except BaseException:
            self.taken.discard(name)
            raise


def _in_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


CURRENT: ContextVar[Context | None] = ContextVar("dutiful_context", default=None)
