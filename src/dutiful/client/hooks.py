"""The user's own code around enqueue, attempt and death."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from functools import partial
from typing import Any, TypeVar, cast

import msgspec

from dutiful.contract.beside import beside
from dutiful.contract.tracer import Tracer
from dutiful.core.admission import admitted, meta
from dutiful.core.errors import BadOption, PayloadTooLarge, UsageError
from dutiful.core.event import JobDied
from dutiful.core.job import NewJob
from dutiful.core.payload import PAYLOAD_BYTES_MAX
from dutiful.core.redaction import MARKS
from dutiful.core.text import shown

from .async_or_not import is_async
from .context import Context
from .looping import refuse_on_loop
from .origin import Once
from .surround import AroundCall, Report, asurrounded, surrounded

T = TypeVar("T")
C = TypeVar("C", bound=AroundCall)

Proceed = Callable[[], Awaitable[Any]]
OnEnqueue = Callable[[NewJob], NewJob | Awaitable[NewJob]]
AroundAttempt = Callable[[Context, Proceed], Awaitable[Any]]
OnDeath = Callable[[JobDied], Awaitable[None] | None]


class Hooks:
    """An app's hooks, in the order in which they were added."""

    def __init__(
        self,
        bytes_max: Callable[[], int] = lambda: PAYLOAD_BYTES_MAX,
        run: Callable[[Coroutine[Any, Any, Any]], Any] = asyncio.run,
    ) -> None:
        """Start with none; ``bytes_max`` says how large a job's arguments may be.

        ``run`` runs a coroutine to its end for sync code.
        """
        self._bytes_max = bytes_max
        self._run = run
        self.tracer: Tracer | None = None
        """What traces the app's jobs, if anything does."""
        self.on_enqueue = Once[OnEnqueue]()
        self.around_attempt = Once[AroundAttempt]()
        self.around_call = Once[AroundCall]()
        self.on_death = Once[OnDeath]()

    def before(self, jobs: Sequence[NewJob]) -> Sequence[NewJob]:
        """Pass jobs through the ``on_enqueue`` hooks; a hook that raises refuses the whole batch.

        What a hook returns must satisfy the rules for every job: else BadOption, or
        PayloadTooLarge, before anything is stored. An async hook runs on the app's own loop, and
        raises UsageError where the caller runs on a loop, which would be blocked.
        """
        for hook in self.on_enqueue:
            sensitive = _marks(jobs)
            said = [_said(hook(job), self._run) for job in jobs]
            jobs = _marked(self._all_kept(hook, jobs, said), sensitive)
        return jobs

    async def abefore(self, jobs: Sequence[NewJob]) -> Sequence[NewJob]:
        """Do what `before` does for async code: a sync hook runs in a thread, not on the loop."""
        for hook in self.on_enqueue:
            sensitive = _marks(jobs)
            said: list[Any]
            if is_async(hook):
                call = cast(Callable[[NewJob], Awaitable[Any]], hook)
                said = [await call(job) for job in jobs]
            else:
                answers = await in_thread(partial(_each, hook, jobs))
                said = [await one if inspect.isawaitable(one) else one for one in answers]
            jobs = _marked(self._all_kept(hook, jobs, said), sensitive)
        return jobs

    async def prepare(self, jobs: Sequence[NewJob]) -> Sequence[NewJob]:
        """Do to the jobs of occurrences what an enqueue does to others before it stores them."""
        ready = await self.abefore(jobs)
        return ready if self.tracer is None else self.tracer.created(ready)

    def _all_kept(
        self, hook: OnEnqueue, jobs: Sequence[NewJob], said: Sequence[Any]
    ) -> Sequence[NewJob]:
        most = self._bytes_max()
        return [_kept(hook, job, one, most) for job, one in zip(jobs, said, strict=True)]

    def surround(
        self, context: Context, call: Callable[[], T], report: Report
    ) -> Callable[[], T | None]:
        """Nest the hooks of a call around a sync task's function, the first added outermost."""
        managers = self.around_call
        return lambda: surrounded(managers, context, call, report)

    def asurround(
        self, context: Context, call: Callable[[], Awaitable[T]], report: Report
    ) -> Callable[[], Awaitable[T | None]]:
        """Do the same around an async task's."""
        managers = self.around_call
        return lambda: asurrounded(managers, context, call, report)

    def wrap(self, context: Context, call: Proceed) -> Proceed:
        """Nest the hooks of attempt around a call, the first added outermost.

        A hook that calls it again starts the function again, which may take its steps again.
        """
        call = _anew(context, call)
        for hook in reversed(self.around_attempt):
            call = _layer(hook, context, call)
        return call


class HookDecorators:
    """The decorators that add hooks to an app.

    When a module is loaded again, its hooks replace their earlier versions.
    """

    hooks: Hooks

    def on_enqueue(self, hook: OnEnqueue) -> OnEnqueue:
        """Call ``hook(new_job)`` before each enqueue; it returns the job, changed or not.

        For async code and for schedules, a sync hook runs in a thread and an async one on the
        caller's loop; for sync code, an async hook runs on a loop of the app's own. With one, a
        sync enqueue is refused on an event loop, also with ``connection``.
        """
        self.hooks.on_enqueue.add(hook)
        return hook

    def around_attempt(self, hook: AroundAttempt) -> AroundAttempt:
        """Wrap every attempt: ``async def hook(ctx, proceed)``, which awaits ``proceed()``."""
        self.hooks.around_attempt.add(hook)
        return hook

    def around_call(self, hook: C) -> C:
        """Enter the context manager ``hook(ctx)`` around the task's function.

        Sync ones are for sync tasks, in their own thread or child process; async ones for async
        tasks. What a hook raises fails the attempt, and is reported as HookFailed, too.
        """
        self.hooks.around_call.add(hook)
        return hook

    def on_death(self, hook: OnDeath) -> OnDeath:
        """Call ``hook(died)``, sync or async, in the worker that saw a job become a dead letter."""
        self.hooks.on_death.add(hook)
        return hook


def _each(hook: OnEnqueue, jobs: Sequence[NewJob]) -> list[Any]:
    return [hook(job) for job in jobs]


async def in_thread(call: Callable[[], T]) -> T:
    """Run a user's call in a thread, in this context; whatever it raises is raised here."""
    value, error = await beside(partial(_caught, call))
    if error is not None:
        raise error
    return cast(T, value)


def _caught(call: Callable[[], T]) -> tuple[T | None, BaseException | None]:
    # A future takes no StopIteration, and would never be done.
    try:
        return call(), None
    except BaseException as error:  # noqa: BLE001 - carried to the caller and raised there
        return None, error


def _said(answer: Any, run: Callable[[Coroutine[Any, Any, Any]], Any]) -> Any:
    if not inspect.isawaitable(answer):
        return answer
    try:
        # A statement on the caller's own connection gets here on a loop, too.
        refuse_on_loop("enqueue", call="a sync enqueue with an async on_enqueue hook")
    except UsageError:
        if inspect.iscoroutine(answer):
            answer.close()
        raise
    return run(_awaited(answer))


async def _awaited(answer: Awaitable[Any]) -> Any:
    return await answer


def _kept(hook: OnEnqueue, given: NewJob, job: Any, bytes_max: int) -> NewJob:
    name = getattr(hook, "__name__", "the hook")
    if not isinstance(job, NewJob):
        raise UsageError(
            f"on_enqueue: {name} returned {shown(job)}; return the job, changed or not"
        )
    try:
        if job is given:  # of a frozen job only the meta can have changed
            kept = meta(job.meta)
            return msgspec.structs.replace(job, meta=kept) if kept else job
        return admitted(job, bytes_max=bytes_max)
    except PayloadTooLarge as error:
        raise PayloadTooLarge(f"on_enqueue: {name}: {error}") from None
    except BadOption as error:
        raise BadOption(f"on_enqueue: {name}: {error}") from None


def _marks(jobs: Sequence[NewJob]) -> list[str | None]:
    return [job.meta.get(MARKS) for job in jobs]


def _marked(jobs: Sequence[NewJob], sensitive: list[str | None]) -> Sequence[NewJob]:
    """Mark again what is sensitive in jobs whose meta a hook has replaced."""
    return [
        msgspec.structs.replace(job, meta={**job.meta, MARKS: mark})
        if mark is not None and MARKS not in job.meta
        else job
        for job, mark in zip(jobs, sensitive, strict=True)
    ]


def _anew(context: Context, inner: Proceed) -> Proceed:
    async def call() -> Any:
        context.taken.clear()
        return await inner()

    return call


def _layer(hook: AroundAttempt, context: Context, inner: Proceed) -> Proceed:
    async def call() -> Any:
        return await hook(context, inner)

    return call
