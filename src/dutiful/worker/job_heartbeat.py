"""Renews the leases of individual jobs, and reports those that are lost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, cast

from dutiful.contract.clock import Clock
from dutiful.contract.facade import Store
from dutiful.contract.roles.fleet import Leases, Renewal
from dutiful.core.errors import EngineError
from dutiful.core.job import Claim
from dutiful.core.lease import Lease

from .heartbeat import Heartbeat
from .job_leases import JobLeases


class JobHeartbeat(Heartbeat):
    """Renews the leases of a worker's jobs; the worker itself has no lease and cannot be lost."""

    def __init__(
        self,
        leases: Leases | None,
        worker: str,
        lease: Lease,
        clock: Clock,
        *,
        held: JobLeases,
        batch: int | None,
        on_jobs_lost: Callable[[Sequence[Claim]], None],
        on_idle: Callable[[], None],
        **named: Any,
    ) -> None:
        """Renew the ``held`` leases, at most ``batch`` in a call; see `Heartbeat` for the rest.

        ``on_jobs_lost`` is called, in the heartbeat's thread, with claims whose lease is over, and
        ``on_idle`` when there is no lease to renew: it cannot learn then that an outage is over.
        """
        super().__init__(leases, worker, lease, clock, **named)
        self._held = held
        self._batch = batch
        self._on_jobs_lost = on_jobs_lost
        self._on_idle = on_idle

    def valid(self) -> bool:
        """Return True: a worker without a lease of its own may always go on."""
        return not self.lost

    def _left(self) -> int:
        left = self._held.left()
        return self._lease.heartbeat if left is None else left

    async def renew(self) -> None:
        """Renew each lease once; a renewal that fails is repeated while the lease holds."""
        sent = self._clock.ticks()
        stalled_for = self._stall(sent)
        batches = self._held.due(self._batch)
        errors = await asyncio.gather(*[self._renew_batch(one, stalled_for) for one in batches])
        self._failed = any(errors)
        if not batches:
            self._on_idle()
        elif not self._failed:
            self._on_answer(None, sent)
        if gone := self._held.expire():
            self._on_jobs_lost(gone)

    async def _renew_batch(self, claims: Sequence[Claim], stalled_for: int) -> Exception | None:
        sent = self._clock.ticks()
        left = self._held.left(claims)
        try:
            async with asyncio.timeout(None if left is None else left / 1_000_000):
                answer = await self._ask_renewal(claims, stalled_for)
        except Exception as error:  # noqa: BLE001 - as in `Heartbeat.renew`
            if isinstance(error, EngineError | TimeoutError):
                self._on_answer(error, sent)
            else:
                self._on_fault(error)
            return error
        self._take(claims, sent, answer)
        return None

    async def _ask_renewal(self, claims: Sequence[Claim], stalled_for: int) -> Renewal:
        if self._leases is None:  # the server keeps the leases, or cannot renew any
            return Renewal(valid=True)
        length = self._lease.length
        return await self._leases.renew(
            self._worker, claims=claims, lease=length, stalled_for=stalled_for
        )

    def _take(self, claims: Sequence[Claim], sent: int, answer: Renewal) -> None:
        if not answer.valid:
            self._lose()
            return
        if gone := self._held.renew(claims, sent, answer.lost):
            self._on_jobs_lost(gone)
        if answer.cancels:
            self._on_cancels(answer.cancels)


def kind_of_heartbeat(
    store: Store,
    held: JobLeases | None,
    on_jobs_lost: Callable[[Sequence[Claim]], None],
    on_idle: Callable[[], None],
) -> type[Heartbeat]:
    """Return the class of heartbeat: for the worker's own lease, or for those of its jobs."""
    if held is None:
        return Heartbeat
    batch = store.engine.bounds.batch
    kind = partial(JobHeartbeat, held=held, batch=batch, on_jobs_lost=on_jobs_lost, on_idle=on_idle)
    return cast(type[Heartbeat], kind)  # it is called in the same way
