"""Keeping the store small."""

from __future__ import annotations

from dutiful.engines._sql.statement import Plan, Statement

from .producer import ready
from .session import Session

_TALLIES = 1000
"""The number of rows in the tally from which on they are added up into one."""
_FOLDED_MOST = 50_000


class PostgresRetention:
    """The role `Retention`."""

    def __init__(self, session: Session) -> None:
        """Share the engine's session."""
        self.session = session

    async def prune(self, state: int, older_than: int, limit: int) -> int:
        """Delete some jobs that ended long ago; without any, nothing is written."""
        session = await ready(self.session)
        sql, pruned = session.sql, session.pruned

        def look() -> Plan[tuple[bool, bool]]:
            params = (int(state), older_than, session.now, _TALLIES)
            prunable, long = (yield Statement(sql("prunable"), params)).rows[0]
            return prunable, long

        def fold() -> Plan[None]:
            yield Statement(sql("tally_fold"), (_FOLDED_MOST,))

        def delete() -> Plan[tuple[int, int | None]]:
            params = (int(state), older_than, limit, session.now, pruned.get(state))
            count, last = (yield Statement(sql("prune"), params)).rows[0]
            return count, last

        if state not in pruned:
            prunable, long = await session.async_query_pool.once(look)
            if long:
                await session.async_query_pool.run(fold)
            if not prunable:
                return 0
        count, last = await session.async_query_pool.run(delete)
        if count < limit and pruned.pop(state, None) is not None:
            # Jobs before the start of this search may have ended, or been unlocked, meanwhile.
            return count or await self.prune(state, older_than, limit)
        if last is not None and count == limit:
            pruned[state] = last
        return count
