"""Changing jobs and queues by hand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from dutiful.contract.roles.controller import Redrive
from dutiful.core.redrive import takes_key
from dutiful.core.replacement import Work
from dutiful.engines._sql.rewriting import redriven
from dutiful.engines._sql.statement import Plan, Statement

from .connections.group_commit import Written
from .producer import drop_steps
from .retention import delete
from .rows import by_id, job_of
from .session import Session
from .statements import sql

_CANCEL = sql("cancel")
_CANCEL_RUNNING = sql("cancel_running")
_RUN_NOW = sql("run_now")
_ENDED = sql("ended")
_HOLDER = sql("holder")
_REDRIVE = sql("redrive")
_GET = sql("get")
_PAUSE = sql("pause")
_RESUME = sql("resume")


class SqliteController:
    """The role `Controller`."""

    def __init__(self, session: Session) -> None:
        """Share the engine's session."""
        self.session = session

    async def cancel(self, ids: Sequence[str]) -> tuple[str, ...]:
        """Cancel jobs that wait, and request cancellation of those that run."""
        return await self._each(ids, cancel)

    async def run_now(self, ids: Sequence[str]) -> tuple[str, ...]:
        """Make jobs due now."""

        def one(job_id: str, now: int) -> Plan[bool]:
            return bool((yield from by_id(_RUN_NOW, job_id, now)).count)

        return await self._each(ids, one)

    async def redrive(self, jobs: Sequence[Redrive]) -> tuple[str, ...]:
        """Send dead and cancelled jobs back."""
        items = {item.id: item for item in jobs}

        def one(job_id: str, now: int) -> Plan[bool]:
            rows = (yield from by_id(_ENDED, job_id)).rows
            if not rows:
                return False
            seq, key, states, meta, reason, task, args = rows[0]
            if takes_key(key, states if type(states) is int else 0):
                holder = (yield Statement(_HOLDER, (key,))).rows
                if holder and holder[0][0] != seq:
                    return False
            item = items[job_id]
            after, drops_steps = redriven(Work(task, args), meta, reason, item)
            if drops_steps:
                yield from drop_steps(seq)
            yield Statement(_REDRIVE, (item.args, now, now, after, seq))
            return True

        return await self._each([item.id for item in jobs], one)

    async def purge(self, ids: Sequence[str]) -> tuple[str, ...]:
        """Delete jobs that have ended."""

        def one(job_id: str, _: int) -> Plan[bool]:
            rows = (yield from by_id(_GET, job_id)).rows
            gone = [row[:1] for row in rows if job_of(row).purgeable]
            yield from delete(gone, "purged")
            return bool(gone)

        return await self._each(ids, one)

    async def pause(self, queue: str) -> None:
        """Stop claims from a queue."""
        await self._one(_PAUSE, lambda now: (queue, now), wakes=False)

    async def resume(self, queue: str) -> None:
        """Allow claims again."""
        await self._one(_RESUME, lambda _: (queue,), wakes=True)

    async def _each(
        self, ids: Sequence[str], one: Callable[[str, int], Plan[bool]]
    ) -> tuple[str, ...]:
        """Change job by job in one transaction and return the ids that changed."""
        session = self.session.writable()

        def plan() -> Written[tuple[str, ...]]:
            now, changed = session.clock.now(), list[str]()
            for job_id in ids:
                if (yield from one(job_id, now)):
                    changed.append(job_id)
            return tuple(changed), bool(changed)

        return await session.writer.awrite(plan)

    async def _one(
        self, text: str, params: Callable[[int], tuple[Any, ...]], *, wakes: bool
    ) -> None:
        session = self.session.writable()

        def plan() -> Written[None]:
            yield Statement(text, params(session.clock.now()))
            return None, wakes

        await session.writer.awrite(plan)


def cancel(job_id: str, now: int) -> Plan[bool]:
    """Cancel a job that waits, or request cancellation of one that runs."""
    if (yield from by_id(_CANCEL, job_id, now)).count:
        return True
    return bool((yield from by_id(_CANCEL_RUNNING, job_id)).count)
