"""Giving jobs out and taking their ends back."""

from __future__ import annotations

from collections.abc import Sequence

from dutiful.contract.protocol import Exchanged, Wanted
from dutiful.contract.statement import Plan, Statement
from dutiful.core.job import Claim
from dutiful.core.settle import Settlement

from .claiming import exchange, work
from .producer import ready
from .session import Session
from .settling import simple


class PostgresConsumer:
    """The role `Consumer`."""

    session: Session

    async def exchange(
        self, worker: str, settlements: Sequence[Settlement], wanted: Wanted | None
    ) -> Exchanged:
        """Settle and claim, in one transaction where several statements write one settlement.

        Else each statement is a transaction of its own: two trips to the server less.
        """
        if not settlements and wanted is None:
            return Exchanged()
        session = await ready(self.session)
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

        if all(map(simple, settlements)):
            return await session.apool.once(plan, writes=True)
        return await session.pool.arun(plan)

    async def wait(self, queues: Sequence[str], seconds: float) -> None:
        """Sleep until somebody who stored a job says so, or it is time to look."""
        session = await ready(self.session)

        def look() -> bool:
            return session.pool.once(lambda: work(session.sql, queues, session.now, session.floors))

        await session.sleepers.sleep(queues, seconds, look)

    async def record_step(self, claim: Claim, name: str, result: bytes) -> bool:
        """Keep a step's first result."""
        session = await ready(self.session)
        sql, guard = session.sql, (claim.job.id, claim.job.fence)

        def plan() -> Plan[bool]:
            if (yield Statement(sql("step_add"), (*guard, name, result))).count:
                return True
            return bool((yield Statement(sql("held"), guard)).rows)  # it was recorded before

        return await session.pool.arun(plan)
