"""What hooks make of the jobs of occurrences; no schedule waits long for the hooks of another."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from contextvars import Context, copy_context

import msgspec
from msgspec.structs import replace

from dutiful.core.job import NewJob
from dutiful.core.occurrence import Advance, Due, with_jobs

HOOK_SECONDS = 30.0
"""How long the hooks may take over the jobs of one schedule."""
_NEARLY = 0.05
"""A timer may fire this much early."""

Prepare = Callable[[Sequence[NewJob]], Awaitable[Sequence[NewJob]] | None]
Answer = Sequence[NewJob] | BaseException


class _Begun(msgspec.Struct, eq=False):
    move: Advance
    task: asyncio.Task[Answer]
    since: float


class Preparing:
    """The moves whose jobs are with the hooks, by the names of their schedules."""

    def __init__(
        self,
        prepare: Prepare | None,
        *,
        wait: float,
        context: Callable[[], Context] = copy_context,
    ) -> None:
        """Begin with none; a turn waits ``wait`` seconds for what it has begun itself.

        ``prepare`` returns None where there is nothing to do; it runs in a ``context`` of its own.
        """
        self._prepare = prepare
        self._wait = wait
        self._context = context
        self._begun: dict[str, _Begun] = {}
        self._fresh: list[asyncio.Task[Answer]] = []

    @property
    def busy(self) -> bool:
        """Whether a move is still with the hooks."""
        return bool(self._begun)

    def keep(self, dues: Collection[Due]) -> None:
        """Forget moves that another worker has made meanwhile."""
        versions = {due.standing.name: due.standing.version for due in dues}
        for name, begun in list(self._begun.items()):
            if versions.get(name) != begun.move.version:
                self._drop(name)

    def has(self, due: Due) -> bool:
        """Whether the next move of a schedule is with the hooks already."""
        return due.standing.name in self._begun

    def begin(self, move: Advance) -> bool:
        """Hand the jobs of a move to the hooks; False where nothing is to be done with them."""
        jobs = [one.job for one in move.occurrences if one.job is not None]
        if not jobs or self._prepare is None or (prepared := self._prepare(jobs)) is None:
            return False
        loop = asyncio.get_running_loop()
        task = loop.create_task(_caught(prepared), context=self._context())
        self._begun[move.name] = _Begun(move, task, loop.time())
        self._fresh.append(task)
        return True

    async def settle(self) -> None:
        """Give the hooks that were begun in this turn a moment to end."""
        fresh, self._fresh = self._fresh, []
        if fresh:
            await asyncio.wait(fresh, timeout=self._wait)

    def ready(self, due: Due) -> Advance | None:
        """Return the move with what the hooks made of it, None while they run.

        Raises what they raised, and TimeoutError when they take too long.
        """
        name = due.standing.name
        begun = self._begun[name]
        if not begun.task.done():
            lasted = asyncio.get_running_loop().time() - begun.since
            if lasted < HOOK_SECONDS - _NEARLY:
                return None
            self._drop(name)
            raise TimeoutError(f"its on_enqueue hooks have not ended within {HOOK_SECONDS:g} s")
        del self._begun[name]
        if begun.task.cancelled():
            raise RuntimeError("an on_enqueue hook was cancelled, or raised CancelledError")
        answer = begun.task.result()
        if isinstance(answer, BaseException):
            raise answer
        move = begun.move
        return replace(move, occurrences=with_jobs(move.occurrences, answer))

    def close(self) -> None:
        """Cancel what is still with the hooks."""
        for name in list(self._begun):
            self._drop(name)

    def _drop(self, name: str) -> None:
        # A hook that does not end all the same is left alone: it is not awaited any more.
        self._begun.pop(name).task.cancel()


async def _caught(prepared: Awaitable[Sequence[NewJob]]) -> Answer:
    # SystemExit in a task would end the whole loop.
    try:
        return await prepared
    except asyncio.CancelledError:
        raise
    except BaseException as error:  # noqa: BLE001 - carried to the scheduler
        return error
