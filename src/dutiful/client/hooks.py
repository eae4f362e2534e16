"""The user's own code around enqueue, attempt and death."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from dutiful.core.errors import UsageError
from dutiful.core.event import JobDied
from dutiful.core.job import NewJob

from .context import Context

Proceed = Callable[[], Awaitable[Any]]
OnEnqueue = Callable[[NewJob], NewJob]
AroundAttempt = Callable[[Context, Proceed], Awaitable[Any]]
OnDeath = Callable[[JobDied], Awaitable[None] | None]


class Hooks:
    """An app's hooks, in the order in which they were added."""

    def __init__(self) -> None:
        """Start with none."""
        self.on_enqueue: list[OnEnqueue] = []
        self.around_attempt: list[AroundAttempt] = []
        self.on_death: list[OnDeath] = []

    def before(self, jobs: Sequence[NewJob]) -> Sequence[NewJob]:
        """Pass jobs through the hooks of enqueue; one that raises refuses the whole batch."""
        for hook in self.on_enqueue:
            jobs = [_kept(hook, hook(job)) for job in jobs]
        return jobs

    def wrap(self, context: Context, call: Proceed) -> Proceed:
        """Nest the hooks of attempt around a call, the first added outermost."""
        for hook in reversed(self.around_attempt):
            call = _layer(hook, context, call)
        return call


def _kept(hook: OnEnqueue, job: Any) -> NewJob:
    if not isinstance(job, NewJob):
        name = getattr(hook, "__name__", "the hook")
        raise UsageError(f"on_enqueue: {name} returned {job!r}; return the job, changed or not")
    return job


def _layer(hook: AroundAttempt, context: Context, inner: Proceed) -> Proceed:
    async def call() -> Any:
        return await hook(context, inner)

    return call
