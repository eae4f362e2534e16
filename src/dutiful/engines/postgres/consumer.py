"""Giving jobs to workers and settling them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from weakref import WeakValueDictionary

from msgspec.structs import replace

from dutiful.contract.roles.consumer import Exchanged, Wanted
from dutiful.core.errors import BadPayload, JobLocked
from dutiful.core.job import Claim
from dutiful.core.settle import Settlement
from dutiful.engines._sql.statement import Plan, Statement

from .claiming import exchange, with_steps, work
from .connections.errors import DuplicateId, Locked
from .producer import ready
from .session import Session
from .setting_aside import set_aside
from .settling import plain

_TRIES = 4
_RECORDING: WeakValueDictionary[tuple[int, str], asyncio.Lock] = WeakValueDictionary()
"""By loop and job, a lock for recording its steps: they would block each other in the server."""


class PostgresConsumer:
    """The role `Consumer`."""

    def __init__(self, session: Session) -> None:
        """Share the engine's session."""
        self.session = session
        self._locked = frozenset[str]()
        """Jobs that other sessions have locked; their locks are checked before they are settled."""

    async def exchange(
        self, worker: str, settlements: Sequence[Settlement], wanted: Wanted | None
    ) -> Exchanged:
        """Settle and claim; in one transaction if a settlement needs several statements.

        Otherwise each statement is its own transaction, which saves two round trips. A job that
        another session has locked is left out after a short wait.
        """
        if not settlements and wanted is None:
            return Exchanged()
        session = await ready(self.session)
        waiting: dict[str, str] = {}
        locked = self._locked
        if locked and not locked.isdisjoint(item.claim.job.id for item in settlements):
            waiting = await self._held_by_others(_ids(settlements))
        tries = 0
        while tries < _TRIES:
            free = [item for item in settlements if item.claim.job.id not in waiting]
            claims = list[Claim]()
            try:
                answer = await self._exchanged(session, worker, free, wanted, claims)
            except Locked:
                # The server does not say which row is locked; if none is, the whole table is.
                found = await self._held_by_others(_ids(free))
                if not found:
                    raise
                waiting |= found
                tries += 1
            except (DuplicateId, BadPayload) as error:
                # Another job holds the key of one that is due again, or a row cannot be changed.
                moved = await self._set_aside(free, wanted)
                if claims:
                    answer = await self._kept(worker, free, claims)
                    return _with_delayed(answer, waiting)
                tries += not moved  # another worker may have set it aside meanwhile
                if not moved and (free or tries == _TRIES):
                    raise BadPayload(str(error)) from error
            else:
                return _with_delayed(answer, waiting)
        raise Locked("settling: other sessions lock one job after another; tried again later")

    async def _exchanged(
        self,
        session: Session,
        worker: str,
        settlements: Sequence[Settlement],
        wanted: Wanted | None,
        claims: list[Claim],
    ) -> Exchanged:
        notified = wanted is not None and session.notifier.was_notified()

        def plan() -> Plan[Exchanged]:
            claims.clear()
            return exchange(
                session.sql,
                worker,
                settlements,
                wanted,
                session.now,
                session.claim_cursors,
                claims=claims,
                notified=notified,
            )

        if wanted is not None:
            session.may_hold(worker)
        try:
            if plain(settlements):
                return await session.async_query_pool.once(plan, writes=True)
            return await session.async_query_pool.run(plan)
        except (DuplicateId, BadPayload):
            if not plain(settlements) or session.address.pooler:  # needs one transaction
                claims.clear()
            raise
        finally:
            if wanted is not None:  # a review that ran meanwhile could not see the new claims
                session.may_hold(worker)

    async def _set_aside(self, settlements: Sequence[Settlement], wanted: Wanted | None) -> int:
        session = self.session
        return await session.async_query_pool.once(
            lambda: set_aside(session.sql, settlements, wanted, session.now), writes=True
        )

    async def _kept(
        self, worker: str, settlements: Sequence[Settlement], claims: list[Claim]
    ) -> Exchanged:
        """Answer with the claims that were made before a row of another queue failed."""
        session = self.session
        answer = await self._exchanged(session, worker, settlements, None, [])
        kept = await session.async_query_pool.once(lambda: with_steps(session.sql, claims))
        return replace(answer, claims=tuple(kept), due_in=0)

    async def _held_by_others(self, ids: list[str]) -> dict[str, str]:
        """Return the jobs that other sessions have locked: job ids with the sessions' names."""
        session = self.session

        def plan() -> Plan[dict[str, str]]:
            rows = (yield Statement(session.sql("settle_locked"), (ids,))).rows
            return {job_id: who or "" for job_id, who in rows}

        found = await session.async_query_pool.once(plan)
        self._locked = self._locked.difference(ids).union(found)
        return found

    async def wait(self, queues: Sequence[str], seconds: float) -> None:
        """Wait until a notification says that jobs were stored, or until it is time to look."""
        session = await ready(self.session)

        async def look() -> bool:
            return await session.async_query_pool.once(
                lambda: work(session.sql, queues, session.now, session.claim_cursors)
            )

        await session.notifier.wait(queues, seconds, look)

    async def record_step(self, claim: Claim, name: str, result: bytes) -> bool:
        """Store a step's first result; JobLocked if another session has locked the job.

        It does not wait for the lock in the server, as that would take a connection from claims.
        """
        session = await ready(self.session)
        sql, guard = session.sql, (claim.job.id, claim.job.fence)

        def plan() -> Plan[bool]:
            if (yield Statement(sql("step_add"), (*guard, name, result))).count:
                return True
            return bool((yield Statement(sql("held"), guard)).rows)  # True: recorded before

        job_id = claim.job.id
        key = (id(asyncio.get_running_loop()), job_id)
        async with _RECORDING.setdefault(key, asyncio.Lock()):
            for _ in range(_TRIES):
                try:
                    return await session.async_query_pool.run(plan)
                except Locked as error:
                    found = await self._held_by_others([job_id])
                    if found:
                        raise JobLocked(str(error), found[job_id]) from error
            return await session.async_query_pool.run(plan)  # the row itself is not locked


def _ids(settlements: Sequence[Settlement]) -> list[str]:
    return [item.claim.job.id for item in settlements]


def _with_delayed(answer: Exchanged, waiting: dict[str, str]) -> Exchanged:
    if not waiting:
        return answer
    who = " and ".join(sorted({one for one in waiting.values() if one})[:3])
    return replace(answer, delayed=tuple(waiting), locked_by=who)
