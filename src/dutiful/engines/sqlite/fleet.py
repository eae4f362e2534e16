"""The registered workers and their leases."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence

from dutiful.contract.roles.fleet import Renewal, WorkerInfo, WorkerStatus
from dutiful.core.job import Claim
from dutiful.core.worker_report import Order
from dutiful.engines._sql.rows import readable_order
from dutiful.engines._sql.statement import Plan, Statement
from dutiful.engines._sql.stored import shown

from .claiming import steps_of
from .connections.group_commit import Written
from .rows import claims_of, overdue, status_of, worker_row
from .session import Session
from .statements import sql

_JOIN = sql("join")
_RENEW = sql("renew")
_CANCEL_REQUESTS = sql("cancel_requests")
_ORDER = sql("order")
_LEAVE = sql("leave")
_WORKERS = sql("workers")
_LEASES = sql("leases")
_LOSE = sql("mark_lost")
_ABANDONED = sql("abandoned")
_CLAIMED = sql("claimed")
_SPENT = sql("lost_without_claims")
_FORGET = sql("forget")


class SqliteFleet:
    """The roles `Fleet`, `Leases` and `FleetOrders`; leases are counted in the host's ticks."""

    def __init__(self, session: Session) -> None:
        """Share the engine's session."""
        self.session = session

    async def join(self, info: WorkerInfo) -> None:
        """Register a worker."""
        session = self.session.ready()

        def plan() -> Written[None]:
            clock = session.clock
            row = worker_row(info, clock.now(), clock.ticks(), session.boot)
            yield Statement(_JOIN, row)
            return None, False

        await session.writer.awrite(plan)

    async def renew(
        self,
        worker: str,
        *,
        claims: Sequence[Claim] = (),
        lease: int = 0,
        stalled_for: int = 0,
        report: str | None = None,
    ) -> Renewal:
        """Renew a lease, unless the worker is lost."""
        session = self.session.ready()

        def plan() -> Written[Renewal]:
            ticks = session.clock.ticks()
            row = (session.clock.now(), ticks, session.boot, stalled_for, report, worker)
            renewed = (yield Statement(_RENEW, row)).rows
            if not renewed:
                return Renewal(valid=False), False
            cancels = (yield Statement(_CANCEL_REQUESTS, (worker,))).rows
            ids = tuple(row[0] for row in cancels)
            order = readable_order(renewed[0][0])
            return Renewal(valid=True, cancels=ids, at=ticks, order=order), False

        return await session.writer.awrite(plan)

    async def order(self, workers: Sequence[str], order: Order | None) -> tuple[str, ...]:
        """Store an order for workers that are registered and not lost."""

        def plan() -> Written[tuple[str, ...]]:
            found: list[str] = []
            for worker in dict.fromkeys(workers):
                if (yield Statement(_ORDER, (order, worker))).rows:
                    found.append(worker)
            return tuple(found), False

        return await self.session.ready().writer.awrite(plan)

    async def leave(self, worker: str) -> None:
        """Unregister a worker."""

        def plan() -> Written[None]:
            yield Statement(_LEAVE, (worker,))
            return None, True

        await self.session.ready().writer.awrite(plan)

    async def workers(self) -> tuple[WorkerStatus, ...]:
        """List the workers."""
        session = self.session.ready()
        rows = await session.readers.aread(lambda: _rows(_WORKERS))
        now, ticks = session.clock.now(), session.clock.ticks()
        return tuple(status_of(row, now, ticks, session.boot) for row in rows)

    async def expire(self, gone: Sequence[str]) -> tuple[str, ...]:
        """Declare lost the workers whose leases are over, and those that are named."""
        session = self.session.ready()
        # Read before we wait for the write lock: during that wait no worker can renew either.
        ticks, boot = session.clock.ticks(), session.boot

        def silent() -> Plan[list[tuple[int, str]]]:
            leases = (yield Statement(_LEASES)).rows
            return [row[:2] for row in leases if row[1] in gone or overdue(row, ticks, boot)]

        def plan() -> Written[tuple[str, ...]]:
            lost = yield from silent()
            for place, _ in lost:
                yield Statement(_LOSE, (place,))
            return tuple([shown(worker) for _, worker in lost]), False

        if not await session.readers.aread(silent):
            return ()
        return await session.writer.awrite(plan)

    async def abandoned(self, limit: int) -> tuple[Claim, ...]:
        """List the claims of lost and unknown workers; delete lost workers that hold none."""
        session = self.session.ready()

        def read() -> Plan[tuple[list[Claim], bool]]:
            claims = yield from _claims(Statement(_ABANDONED, (limit,)))
            return claims, bool((yield Statement(_SPENT)).rows)

        def forget() -> Written[None]:
            for row in (yield Statement(_SPENT)).rows:
                yield Statement(_FORGET, row)
            return None, False

        claims, spent = await session.readers.aread(read)
        if spent:
            await session.writer.awrite(forget)
        return tuple(claims)

    async def claimed(self, worker: str, known: Collection[str] = ()) -> tuple[Claim, ...]:
        """List the claims of one worker, without those of ``known`` jobs."""
        readers, params = self.session.ready().readers, (worker, json.dumps([*known]))
        return tuple(await readers.aread(lambda: _claims(Statement(_CLAIMED, params))))


def _claims(statement: Statement) -> Plan[list[Claim]]:
    claims: list[Claim] = []
    for claim in claims_of((yield statement).rows):
        claims.append((yield from steps_of(claim)) if claim.job.steps else claim)
    return claims


def _rows(text: str) -> Plan[list[tuple[object, ...]]]:
    return (yield Statement(text)).rows
