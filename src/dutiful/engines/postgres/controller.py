"""Changing jobs and queues by hand."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial

from dutiful.contract.roles.controller import Redrive
from dutiful.core.redrive import takes_key
from dutiful.core.replacement import Work
from dutiful.engines._sql.rewriting import redriven
from dutiful.engines._sql.statement import Plan, Statement

from .connections.arrays import TextArray
from .connections.errors import DuplicateId
from .producer import ready
from .rows import job_of
from .session import Session
from .statements import Texts


class PostgresController:
    """The role `Controller`."""

    def __init__(self, session: Session) -> None:
        """Share the engine's session."""
        self.session = session

    async def cancel(self, ids: Sequence[str]) -> tuple[str, ...]:
        """Cancel jobs that wait, and request cancellation of those that run."""
        session = await ready(self.session)
        return await session.pool.arun(lambda: cancel(session.sql, ids, session.now))

    async def run_now(self, ids: Sequence[str]) -> tuple[str, ...]:
        """Make jobs due now."""
        session = await ready(self.session)

        def plan() -> Plan[tuple[str, ...]]:
            rows = (yield Statement(session.sql("run_now"), (list(ids), session.now))).rows
            yield from _wake(session.sql, [row[1] for row in rows])
            return _in_order(ids, (row[0] for row in rows))

        return await session.pool.arun(plan)

    async def redrive(self, jobs: Sequence[Redrive]) -> tuple[str, ...]:
        """Send dead and cancelled jobs back, each in a transaction of its own."""
        session = await ready(self.session)

        def each() -> tuple[str, ...]:
            changed: list[str] = []
            for job in jobs:
                try:
                    if session.pool.run(partial(_redrive, session, job)):
                        changed.append(job.id)
                except DuplicateId:  # another job has just taken its unique key
                    continue
            return tuple(changed)

        return await session.pool.aside(each)

    async def purge(self, ids: Sequence[str]) -> tuple[str, ...]:
        """Delete jobs that have ended."""
        session = await ready(self.session)

        def plan() -> Plan[tuple[str, ...]]:
            sql = session.sql
            gone = [row[0] for row in (yield Statement(sql("purge"), (list(ids), False))).rows]
            if left := [job_id for job_id in ids if job_id not in gone]:
                rows = (yield Statement(sql("same"), (left,))).rows
                odd = TextArray([row[1] for row in rows if job_of(row).purgeable])
                if odd.items:
                    gone += [row[0] for row in (yield Statement(sql("purge"), (odd, True))).rows]
            return _in_order(ids, gone)

        return await session.pool.arun(plan)

    async def pause(self, queue: str) -> None:
        """Stop claims from a queue."""
        session = await ready(self.session)

        def plan() -> Plan[None]:
            yield Statement(session.sql("pause"), (queue, session.now))

        await session.pool.arun(plan)

    async def resume(self, queue: str) -> None:
        """Allow claims again."""
        session = await ready(self.session)

        def plan() -> Plan[None]:
            yield Statement(session.sql("resume"), (queue,))
            yield Statement(session.sql("wake"), ([queue], 100))

        await session.pool.arun(plan)


def cancel(sql: Texts, ids: Sequence[str], now: int | None) -> Plan[tuple[str, ...]]:
    """Cancel jobs that wait, and request cancellation of those that run."""
    rows = (yield Statement(sql("cancel"), (list(ids), now))).rows
    return _in_order(ids, (row[0] for row in rows))


def _redrive(session: Session, job: Redrive) -> Plan[bool]:
    sql = session.sql
    rows = (yield Statement(sql("ended"), (job.id,))).rows
    if not rows:
        return False
    key, states, meta, reason, queue, task, args = rows[0]
    if takes_key(key, states):
        holder = (yield Statement(sql("key_holder"), (key,))).rows
        if holder and holder[0][0] != job.id:
            return False
    after, drops_steps = redriven(Work(task, args), meta, reason, job)
    if not (yield Statement(sql("redrive"), (job.id, job.args, after, session.now))).count:
        return False  # the index of ready jobs cannot hold its priority
    if drops_steps:
        yield Statement(sql("steps_drop"), (job.id,))
    yield from _wake(sql, [queue])
    return True


def _wake(sql: Texts, queues: Sequence[str]) -> Plan[None]:
    if queues:
        yield Statement(sql("wake"), (list(set(queues)), len(queues)))


def _in_order(ids: Sequence[str], changed: Iterable[str]) -> tuple[str, ...]:
    found = set(changed)
    return tuple(job_id for job_id in dict.fromkeys(ids) if job_id in found)
