"""The registered workers and their leases."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from dutiful.contract.roles.fleet import Renewal, WorkerInfo, WorkerStatus
from dutiful.core.errors import EngineError
from dutiful.core.job import Claim
from dutiful.core.worker_report import Order
from dutiful.engines._sql.rows import readable_order
from dutiful.engines._sql.statement import Plan, Statement

from .claiming import with_steps
from .claims_review import ClaimsReview
from .producer import ready
from .rows import WorkerRow, claim_of, status_of, worker_row
from .session import Session


class PostgresFleet:
    """The roles `Fleet`, `Leases` and `FleetOrders`; leases are counted by the server's clock."""

    def __init__(self, session: Session) -> None:
        """Share the engine's session."""
        self.session = session

    async def join(self, info: WorkerInfo) -> None:
        """Register a worker, on the connection that will renew its lease."""
        session = await ready(self.session)

        def plan() -> Plan[None]:
            params = (*worker_row(info), session.now)
            session.silence_meter.joined(info.lease)
            for (at,) in (yield Statement(session.sql("join"), params)).rows:
                session.silence_meter.renewed(info.id, at)

        await session.heartbeat_connection.aonce(plan, writes=True)

    async def renew(
        self,
        worker: str,
        *,
        claims: Sequence[Claim] = (),
        lease: int = 0,
        stalled_for: int = 0,
        report: str | None = None,
    ) -> Renewal:
        """Renew a lease, unless the worker is lost, on the heartbeat's own connection.

        The query on jobs comes after that: while the job table is locked it gets no answer, but
        the lease is renewed.
        """
        session = await ready(self.session)

        def renewal() -> Plan[tuple[int | None, bool, int, object]]:
            params = (worker, session.now, stalled_for, report)
            at, calm, fleet, order = (yield Statement(session.sql("renew"), params)).rows[0]
            return at, calm, fleet, order

        at, calm, fleet, ordered = await session.heartbeat_connection.aonce(renewal, writes=True)
        if at is None:
            return Renewal(valid=False)
        session.silence_meter.renewed(worker, at)
        order = readable_order(ordered)
        known = session.reviews.get(worker)
        if known is None or known.fleet != fleet or not known.fresh(session.ticks()):
            session.reviews.pop(worker, None)
            before = session.exchanges
            try:
                known = await session.heartbeat_connection.aonce(
                    lambda: self._review(worker, fleet)
                )
            except EngineError:
                return Renewal(valid=True, order=order)
            if not known.holds and session.exchanges == before:
                session.reviews[worker] = known
        calm = calm and not known.orphans
        return Renewal(valid=True, cancels=known.cancels, calm=calm, order=order)

    async def order(self, workers: Sequence[str], order: Order | None) -> tuple[str, ...]:
        """Store an order for workers that are registered and not lost."""
        session = await ready(self.session)

        def plan() -> Plan[tuple[str, ...]]:
            rows = (yield Statement(session.sql("order"), (list(workers), order))).rows
            return tuple(row[0] for row in rows)

        return await session.async_query_pool.once(plan, writes=True)

    def _review(self, worker: str, fleet: int) -> Plan[ClaimsReview]:
        session = self.session
        row = (yield Statement(session.sql("claims_review"), (worker,))).rows[0]
        cancels, holds, orphans = row
        return ClaimsReview(session.ticks(), fleet, tuple(cancels), holds, orphans)

    async def leave(self, worker: str) -> None:
        """Unregister a worker."""
        session = await ready(self.session)
        await session.heartbeat_connection.aonce(
            lambda: _one(session.sql("leave"), (worker,)), writes=True
        )

    async def workers(self) -> tuple[WorkerStatus, ...]:
        """List the workers."""
        session = await ready(self.session)

        return tuple(await session.async_query_pool.once(lambda: _statuses(session, judged=False)))

    async def expire(self, gone: Sequence[str]) -> tuple[str, ...]:
        """Declare lost the workers whose leases are over, and those that are named."""
        session = await ready(self.session)

        def plan() -> Plan[tuple[str, ...]]:
            judged = [
                status
                for status in (yield from _statuses(session, judged=True))
                if not status.lost
                and (status.info.id in gone or status.silent_for > status.info.lease)
            ]
            if not judged:
                return ()
            params = ([one.info.id for one in judged], [one.renewed_at for one in judged])
            return tuple(row[0] for row in (yield Statement(session.sql("expire"), params)).rows)

        return await session.async_query_pool.once(plan, writes=True)

    async def abandoned(self, limit: int) -> tuple[Claim, ...]:
        """List the claims of lost and unknown workers; delete lost workers that hold none."""
        session = await ready(self.session)

        def plan() -> Plan[list[Claim]]:
            yield Statement(session.sql("forget"))
            rows = (yield Statement(session.sql("abandoned"), (limit,))).rows
            return (yield from with_steps(session.sql, [claim_of(row) for row in rows]))

        return tuple(await session.async_query_pool.once(plan))

    async def claimed(self, worker: str, known: Collection[str] = ()) -> tuple[Claim, ...]:
        """List the claims of one worker, without those of ``known`` jobs."""
        session, left_out = await ready(self.session), [*known]

        def plan() -> Plan[list[Claim]]:
            rows = (yield Statement(session.sql("claimed"), (worker, left_out))).rows
            return (yield from with_steps(session.sql, [claim_of(row) for row in rows]))

        return tuple(await session.async_query_pool.once(plan))


def _statuses(session: Session, *, judged: bool) -> Plan[list[WorkerStatus]]:
    found = (yield Statement(session.sql("workers"), (session.now,))).rows
    rows = [WorkerRow(*row) for row in found]
    silence_meter = session.silence_meter
    if rows:
        silence_meter.observe(rows[0].now)
    silence_meter.forget({row.id for row in rows})
    return [
        status_of(
            row,
            silence_meter.silent_for(
                row.id, row.renewed_at, row.now - row.renewed_at, row.lease, judged=judged
            ),
        )
        for row in rows
    ]


def _one(text: str, params: Sequence[object]) -> Plan[None]:
    yield Statement(text, params)
