"""Giving jobs to workers and settling them."""

from __future__ import annotations

from collections.abc import Sequence

from dutiful.contract.roles.consumer import Exchanged, Wanted
from dutiful.core.job import Claim
from dutiful.core.settle import Settlement
from dutiful.engines._sql.statement import Statement

from .claiming import exchange
from .connections.group_commit import Written
from .session import Session
from .statements import sql
from .transaction import SqliteTransaction

_HELD = sql("held")
_STEP_ADD = sql("step_add")
_STEP_COUNT = sql("step_count")


class SqliteConsumer:
    """The roles `Consumer` and `Transactional`."""

    def __init__(self, session: Session) -> None:
        """Share the engine's session."""
        self.session = session

    async def exchange(
        self, worker: str, settlements: Sequence[Settlement], wanted: Wanted | None
    ) -> Exchanged:
        """Settle and claim in one transaction; without one when there is nothing to do."""
        session = self.session.ready()
        if not settlements:
            if wanted is None:
                return Exchanged()
            # An idle worker must not write: the disk would never be idle.
            if (answer := session.idle_check.idle(worker, wanted.queues)) is not None:
                return answer
        return await session.writer.awrite(
            lambda: exchange(worker, settlements, wanted, session.clock.now())
        )

    async def wait(self, queues: Sequence[str], seconds: float) -> None:
        """Wait until this process or another one announces a commit."""
        await self.session.ready().notifier.wait(queues, seconds)

    async def record_step(self, claim: Claim, name: str, result: bytes) -> bool:
        """Store a step's first result."""
        session = self.session.ready()
        return await session.writer.awrite(lambda: _record_step(claim, name, result))

    def transaction(self, claim: Claim) -> SqliteTransaction:
        """Prepare a transaction on a connection of its own."""
        return SqliteTransaction(self.session, claim)

    def atransaction(self, claim: Claim) -> None:
        """Return None: coroutines use the sync transaction, in a thread."""


def _record_step(claim: Claim, name: str, result: bytes) -> Written[bool]:
    job, seq = claim.job, claim.handle
    if not (yield Statement(_HELD, (seq, job.fence, job.id))).rows:
        return False, False
    if (yield Statement(_STEP_ADD, (seq, name, result))).count:
        yield Statement(_STEP_COUNT, (seq,))
    return True, False
