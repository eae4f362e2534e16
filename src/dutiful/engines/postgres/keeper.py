"""Keeping the store small."""

from __future__ import annotations

from dutiful.contract.page import Holder
from dutiful.contract.statement import Plan, Statement

from .producer import ready
from .session import Session

HELD_SECONDS = 60
HELD_TRANSACTIONS = 1_000_000
_TALLIES = 1000
"""So many rows of the tally are left before they are folded."""


class PostgresKeeper:
    """The role `Keeper`."""

    session: Session

    async def holders(self) -> tuple[Holder, ...]:
        """Name old snapshots, prepared transactions and replication slots."""
        session = await ready(self.session)

        def plan() -> Plan[tuple[Holder, ...]]:
            params = (HELD_SECONDS, HELD_TRANSACTIONS)
            rows = (yield Statement(session.sql("horizon"), params)).rows
            return tuple(Holder(*row) for row in rows)

        return await session.readers.aonce(plan)

    async def prune(self, state: int, older_than: int, limit: int) -> int:
        """Delete some jobs that ended long ago; without any, nothing is written."""
        session = await ready(self.session)
        sql = session.sql

        def idle() -> Plan[bool]:
            params = (int(state), older_than, session.now)
            return not (yield Statement(sql("prunable"), params)).rows[0][0]

        def plan() -> Plan[int]:
            if (yield Statement(sql("tally_long"), (_TALLIES,))).rows[0][0]:
                yield Statement(sql("tally_fold"), (50 * _TALLIES,))
            params = (int(state), older_than, limit, session.now)
            return int((yield Statement(sql("prune"), params)).rows[0][0])

        if await session.readers.aonce(idle):
            return 0
        return await session.pool.arun(plan)
