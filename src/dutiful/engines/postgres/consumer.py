"""Giving jobs out and taking their ends back."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from dutiful.contract.protocol import Exchanged, Wanted
from dutiful.contract.statement import Plan, Statement
from dutiful.core.errors import BadPayload
from dutiful.core.job import Claim
from dutiful.core.settle import Settlement

from .claiming import exchange, work
from .faults import DuplicateId, Locked
from .producer import ready
from .session import Session
from .settling import simple

_TRIES = 4


class PostgresConsumer:
    """The role `Consumer`."""

    session: Session
    _locked: frozenset[str] = frozenset()
    """Jobs that other sessions had locked when last seen; checked before they are settled."""

    async def exchange(
        self, worker: str, settlements: Sequence[Settlement], wanted: Wanted | None
    ) -> Exchanged:
        """Settle and claim, in one transaction where several statements write one settlement.

        Else each statement is a transaction of its own: two trips to the server less. A job that
        another session has locked is left out after a short wait.
        """
        if not settlements and wanted is None:
            return Exchanged()
        session = await ready(self.session)
        waiting: dict[str, str] = {}
        if not self._locked.isdisjoint(item.claim.job.id for item in settlements):
            waiting = await self._held_by_others(settlements)
        for _ in range(_TRIES):
            free = [item for item in settlements if item.claim.job.id not in waiting]
            try:
                answer = await self._exchanged(session, worker, free, wanted)
            except Locked:
                # The server does not say which row it was; without one it is the whole table.
                found = await self._held_by_others(free)
                if not found:
                    raise
                waiting |= found
            else:
                return _with_delayed(answer, waiting)
        raise Locked("settling: other sessions lock one job after another; tried again later")

    async def _exchanged(
        self,
        session: Session,
        worker: str,
        settlements: Sequence[Settlement],
        wanted: Wanted | None,
    ) -> Exchanged:
        woken = wanted is not None and session.sleepers.woken()

        def plan() -> Plan[Exchanged]:
            return exchange(
                session.sql,
                worker,
                settlements,
                wanted,
                session.now,
                session.floors,
                woken=woken,
            )

        if wanted is not None:
            session.may_hold(worker)
        try:
            if all(map(simple, settlements)):
                return await session.apool.once(plan, writes=True)
            return await session.apool.run(plan)
        except DuplicateId as error:  # a job that comes back meets another of its key
            raise BadPayload(str(error)) from error
        finally:
            if wanted is not None:  # while it ran, a review could not see what it claimed
                session.may_hold(worker)

    async def _held_by_others(self, settlements: Sequence[Settlement]) -> dict[str, str]:
        """Return the jobs that other sessions have locked: the name of the session by job id."""
        ids = [item.claim.job.id for item in settlements]
        session = self.session

        def plan() -> Plan[dict[str, str]]:
            rows = (yield Statement(session.sql("settle_locked"), (ids,))).rows
            return {job_id: who or "" for job_id, who in rows}

        found = await session.apool.once(plan)
        self._locked = self._locked.difference(ids).union(found)
        return found

    async def wait(self, queues: Sequence[str], seconds: float) -> None:
        """Sleep until somebody who stored a job says so, or it is time to look."""
        session = await ready(self.session)

        async def look() -> bool:
            return await session.apool.once(
                lambda: work(session.sql, queues, session.now, session.floors)
            )

        await session.sleepers.sleep(queues, seconds, look)

    async def record_step(self, claim: Claim, name: str, result: bytes) -> bool:
        """Keep a step's first result."""
        session = await ready(self.session)
        sql, guard = session.sql, (claim.job.id, claim.job.fence)

        def plan() -> Plan[bool]:
            if (yield Statement(sql("step_add"), (*guard, name, result))).count:
                return True
            return bool((yield Statement(sql("held"), guard)).rows)  # it was recorded before

        return await session.apool.run(plan)


def _with_delayed(answer: Exchanged, waiting: dict[str, str]) -> Exchanged:
    if not waiting:
        return answer
    who = " and ".join(sorted({one for one in waiting.values() if one})[:3])
    return replace(answer, delayed=tuple(waiting), locked_by=who)
