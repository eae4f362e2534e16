"""The registered workers and their leases."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from dutiful.contract.roles.fleet import Renewal, WorkerInfo, WorkerStatus
from dutiful.core.job import Claim
from dutiful.core.state import State
from dutiful.core.worker_report import Order, decode_report

from .table import Registered, Tables


class MemoryFleet:
    """The roles `Fleet`, `Leases`, `FleetOrders`; leases are counted in ticks."""

    def __init__(self, tables: Tables) -> None:
        """Share the engine's tables."""
        self.tables = tables

    async def join(self, info: WorkerInfo) -> None:
        """Register a worker."""
        tables = self.tables
        with tables.lock:
            known = tables.fleet.get(info.id)
            if known is not None and known.lost:
                return  # a worker that was lost stays lost, so that its jobs are rescued
            row = Registered(info, tables.clock.now(), tables.clock.ticks())
            if known is not None:
                row.report, row.ordered = known.report, known.ordered
            tables.fleet[info.id] = row

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
        tables = self.tables
        with tables.lock:
            member = tables.fleet.get(worker)
            if member is None or member.lost:
                return Renewal(valid=False)
            member.renewed_at = tables.clock.now()
            member.renewed_ticks = tables.clock.ticks()
            member.stalled_for = stalled_for
            member.report = member.report if report is None else report
            cancels = [job.id for job in tables.running(worker) if job.cancel_requested]
            return Renewal(valid=True, cancels=tuple(cancels), order=member.ordered)

    async def order(self, workers: Sequence[str], order: Order | None) -> tuple[str, ...]:
        """Store an order for workers that are registered and not lost."""
        with self.tables.lock:
            found = [self.tables.fleet.get(worker) for worker in dict.fromkeys(workers)]
            ordered = [member for member in found if member is not None and not member.lost]
            for member in ordered:
                member.ordered = order
            return tuple(member.info.id for member in ordered)

    async def leave(self, worker: str) -> None:
        """Unregister a worker."""
        with self.tables.lock:
            self.tables.fleet.pop(worker, None)
        self.tables.wake()

    async def workers(self) -> tuple[WorkerStatus, ...]:
        """List the workers."""
        tables = self.tables
        with tables.lock:
            ticks = tables.clock.ticks()
            return tuple(
                WorkerStatus(
                    info=member.info,
                    joined_at=member.joined_at,
                    renewed_at=member.renewed_at,
                    silent_for=ticks - member.renewed_ticks,
                    stalled_for=member.stalled_for,
                    running=len(tables.running(member.info.id)),
                    lost=member.lost,
                    report=decode_report(member.report),
                    ordered=member.ordered,
                )
                for member in tables.fleet.values()
            )

    async def expire(self, gone: Sequence[str]) -> tuple[str, ...]:
        """Declare lost the workers whose leases are over, and those that are named."""
        tables = self.tables
        with tables.lock:
            ticks = tables.clock.ticks()
            lost = [
                member
                for member in tables.fleet.values()
                if not member.lost
                and (member.info.id in gone or ticks - member.renewed_ticks > member.info.lease)
            ]
            for member in lost:
                member.lost = True
            return tuple(member.info.id for member in lost)

    async def abandoned(self, limit: int) -> tuple[Claim, ...]:
        """List the claims of lost and unknown workers; delete lost workers that hold none."""
        tables = self.tables
        with tables.lock:
            orphans = [
                job
                for job in tables.jobs.values()
                if job.state is State.RUNNING and self._lost(job.worker)
            ]
            for worker in [member.info.id for member in tables.fleet.values() if member.lost]:
                if not tables.running(worker):
                    del tables.fleet[worker]
            orphans.sort(key=lambda job: job.started_at or 0)
            return tuple(
                Claim(job, job.id, dict(tables.recorded.get(job.id, {}))) for job in orphans[:limit]
            )

    async def claimed(self, worker: str, known: Collection[str] = ()) -> tuple[Claim, ...]:
        """List the claims of one worker, without those of ``known`` jobs."""
        tables, left_out = self.tables, frozenset(known)
        with tables.lock:
            return tuple(
                Claim(job, job.id, dict(tables.recorded.get(job.id, {})))
                for job in tables.running(worker)
                if job.id not in left_out
            )

    def _lost(self, worker: str | None) -> bool:
        member = self.tables.fleet.get(worker or "")
        return member is None or member.lost
