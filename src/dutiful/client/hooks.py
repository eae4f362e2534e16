"""The user's own code around enqueue, attempt and death."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from dutiful.core.admission import admitted, meta
from dutiful.core.errors import BadOption, PayloadTooLarge, UsageError
from dutiful.core.event import JobDied
from dutiful.core.job import NewJob
from dutiful.core.payload import PAYLOAD_BYTES_MAX
from dutiful.core.text import shown

from .context import Context

Proceed = Callable[[], Awaitable[Any]]
OnEnqueue = Callable[[NewJob], NewJob]
AroundAttempt = Callable[[Context, Proceed], Awaitable[Any]]
OnDeath = Callable[[JobDied], Awaitable[None] | None]


class Hooks:
    """An app's hooks, in the order in which they were added."""

    def __init__(self, bytes_max: Callable[[], int] = lambda: PAYLOAD_BYTES_MAX) -> None:
        """Start with none; ``bytes_max`` says how large a job's arguments may be."""
        self._bytes_max = bytes_max
        self.on_enqueue: list[OnEnqueue] = []
        self.around_attempt: list[AroundAttempt] = []
        self.on_death: list[OnDeath] = []

    def before(self, jobs: Sequence[NewJob]) -> Sequence[NewJob]:
        """Pass jobs through the hooks of enqueue; one that raises refuses the whole batch.

        What a hook returns is held to the rules that every other job is held to: BadOption, or
        PayloadTooLarge, before anything is stored.
        """
        for hook in self.on_enqueue:
            jobs = [_kept(hook, job, hook(job), self._bytes_max()) for job in jobs]
        return jobs

    def wrap(self, context: Context, call: Proceed) -> Proceed:
        """Nest the hooks of attempt around a call, the first added outermost."""
        for hook in reversed(self.around_attempt):
            call = _layer(hook, context, call)
        return call


def _kept(hook: OnEnqueue, given: NewJob, job: Any, bytes_max: int) -> NewJob:
    name = getattr(hook, "__name__", "the hook")
    if not isinstance(job, NewJob):
        raise UsageError(
            f"on_enqueue: {name} returned {shown(job)}; return the job, changed or not"
        )
    try:
        if job is given:  # of which only the meta can be another than it was
            meta(job.meta)
        else:
            admitted(job, bytes_max=bytes_max)
    except PayloadTooLarge as error:
        raise PayloadTooLarge(f"on_enqueue: {name}: {error}") from None
    except BadOption as error:
        raise BadOption(f"on_enqueue: {name}: {error}") from None
    return job


def _layer(hook: AroundAttempt, context: Context, inner: Proceed) -> Proceed:
    async def call() -> Any:
        return await hook(context, inner)

    return call
