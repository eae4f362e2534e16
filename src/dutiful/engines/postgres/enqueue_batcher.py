"""Enqueues of concurrent coroutines share a commit."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from dutiful.contract.roles.producer import Receipt
from dutiful.core.errors import ReplyUnknown
from dutiful.core.job import NewJob
from dutiful.engines._sql.statement import Plan

from .connections.pool import Pool

Plans = Callable[[Sequence[NewJob]], Plan[tuple[Receipt, ...]]]

_JOBS_MAX = 2000
_IN_FLIGHT_MAX = 2
"""This many groups may be sent at the same time: one waits for the disk while the next is sent."""


class _LoopState:
    """The waiting enqueues of one event loop."""

    def __init__(self) -> None:
        self.waiting: list[tuple[Sequence[NewJob], asyncio.Future[tuple[Receipt, ...]]]] = []
        self.in_flight: set[asyncio.Task[None]] = set()


class EnqueueBatcher:
    """Collects enqueues that arrive while others are being stored, for the next transaction."""

    def __init__(self, pool: Pool) -> None:
        """Start without enqueues."""
        self._pool = pool
        self._loops: dict[asyncio.AbstractEventLoop, _LoopState] = {}

    async def enqueue(self, jobs: Sequence[NewJob], plans: Plans) -> tuple[Receipt, ...]:
        """Store jobs together with those of other callers; all jobs of one caller or none."""
        loop = asyncio.get_running_loop()
        mine = self._loops.get(loop)
        if mine is None:
            self._loops = {one: state for one, state in self._loops.items() if not one.is_closed()}
            mine = self._loops[loop] = _LoopState()
        future: asyncio.Future[tuple[Receipt, ...]] = loop.create_future()
        mine.waiting.append((jobs, future))
        if len(mine.in_flight) < _IN_FLIGHT_MAX:
            flight = loop.create_task(self._send(mine, plans))
            mine.in_flight.add(flight)
            flight.add_done_callback(mine.in_flight.discard)
        return await future

    async def _send(self, mine: _LoopState, plans: Plans) -> None:
        while mine.waiting:
            size, count = 0, 0
            for jobs, _ in mine.waiting:
                size += len(jobs)
                count += 1
                if size >= _JOBS_MAX:
                    break
            group, mine.waiting = mine.waiting[:count], mine.waiting[count:]
            await self._store(group, plans)

    async def _store(
        self,
        group: list[tuple[Sequence[NewJob], asyncio.Future[tuple[Receipt, ...]]]],
        plans: Plans,
    ) -> None:
        together = [job for jobs, _ in group for job in jobs]
        try:
            receipts = await self._pool.aonce(lambda: plans(together), writes=True)
        except Exception as error:  # noqa: BLE001 - each caller gets the error
            if len(group) == 1 or isinstance(error, ReplyUnknown):
                for _, future in group:
                    if not future.done():
                        future.set_exception(error)
                return
            # The jobs of one caller must not cause an error for the others.
            for entry in group:
                await self._store([entry], plans)
            return
        start = 0
        for jobs, future in group:
            if not future.done():
                future.set_result(receipts[start : start + len(jobs)])
            start += len(jobs)
