"""An engine as one process sees it: the world's store behind a line that fails."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from contextvars import Context
from functools import partial
from typing import Any

from dutiful.contract.capability import Capability
from dutiful.contract.clock import Clock
from dutiful.contract.engine import Engine
from dutiful.contract.page import DeadGroup, Filter, JobPage, QueueCount
from dutiful.contract.roles.consumer import Exchanged, Wanted
from dutiful.contract.roles.controller import Redrive
from dutiful.contract.roles.fleet import Renewal, WorkerInfo, WorkerStatus
from dutiful.contract.roles.producer import Receipt
from dutiful.core.errors import EngineUnavailable, ReplyUnknown
from dutiful.core.job import AttemptError, Claim, Job, NewJob
from dutiful.core.settle import Settlement
from dutiful.engines.memory import MemoryEngine
from tests.flat import ROLES

from .faults import Fault
from .faulty_alerts import FaultyActivity, FaultyAlerts
from .faulty_calendar import FaultyCalendar
from .loop import NODE, Node
from .network import AFTER, BEFORE, KILLS, STORE, UNKNOWN, Network
from .transactions import FaultyAsyncTransaction, FaultyTransaction

READS = frozenset(
    {"get", "find", "errors", "steps", "queues", "dead_groups", "tally", "workers", "claimed"}
)
"""What never waits for somebody's write."""


_ABSENT = {"sync_producer", "caller_producer", "exporter", "importer"}


class FaultyEngine(FaultyCalendar, Engine):
    """Every role of an engine, for one process."""

    # Some worlds evaluate alerts; see weather.py.
    capabilities = MemoryEngine.capabilities - {Capability.ACTIVITY, Capability.ALERTS}

    def __init__(self, network: Network, node: Node, clock: Clock, *, mortal: bool = True) -> None:
        """Speak for ``node`` on a host; one not mortal is never killed or frozen by a call."""
        self._network = network
        self._node = node
        self._mortal = mortal
        self._inner = network.store.engine(clock)
        self.name = self._inner.name
        self.poll = self._inner.poll
        for role in {ROLES[method] for method in ROLES}:
            setattr(self, role, None if role in _ABSENT else self)
        if network.alerts:
            self.capabilities = MemoryEngine.capabilities
            self.alerts, self.activity = FaultyAlerts(self._ask), FaultyActivity(self._ask)

    async def open(self, **options: Any) -> tuple[str, ...]:
        return ()

    async def close(self) -> None: ...

    async def _ask(self, op: str, *args: Any) -> Any:
        """Send a call, let the store perform it by itself, and wait for the reply.

        Once it is sent, the death of the caller does not stop it, and cancelling does not, either.
        """
        network, node = self._network, self._node
        network.watcher.sent(node, op, args)
        plan, loop = network.plan, network.loop
        fault = plan.draw(op, loop.time(), node.name, self._mortal)
        reply = loop.create_future()
        way = plan.latency()
        if fault is Fault.STALL:
            way += plan.stall(node.name, loop.time())
            node.troubled_at = max(node.troubled_at, loop.time() + way)
        loop.call_later(way, self._perform, op, args, fault, reply, context=STORE)
        return await reply

    def _perform(
        self, op: str, args: tuple[Any, ...], fault: Fault | None, reply: asyncio.Future[Any]
    ) -> None:
        network, node = self._network, self._node
        if network.write_lock is not None and not network.write_lock.open and op not in READS:
            node.troubled_at = max(node.troubled_at, network.loop.time())
            network.write_lock.later(self._perform, (op, args, fault, reply), STORE)
            return
        if fault in BEFORE:
            network.strike(node, fault, op)
            if fault in KILLS:
                return
        result, error = self._write(op, args, fault)
        if fault is not None:
            node.troubled_at = max(node.troubled_at, network.loop.time())
        if fault is not None and fault is not Fault.STALL:
            network.watcher.note(node, f"{op} {fault}")
        if fault in AFTER:
            network.strike(node, fault, op)
        context = Context()
        context.run(NODE.set, node)
        network.loop.call_later(
            network.plan.latency(), self._reply, op, args, result, error, reply, context=context
        )

    def _write(
        self, op: str, args: tuple[Any, ...], fault: Fault | None
    ) -> tuple[Any, Exception | None]:
        """Make the call on the engine, unless its fault says otherwise; return its answer."""
        network = self._network
        result: Any = None
        error: Exception | None = None
        if fault is Fault.UNAVAILABLE:
            error = EngineUnavailable("simulated: the store is away")
        elif fault is not Fault.UNKNOWN_LOST:
            call = partial(network.store.call, self._inner, op, args)
            try:
                result = network.perform(self._node, op, args, call)
            except AssertionError as wrong:
                network.loop.broken = network.loop.broken or wrong
            except Exception as raised:  # noqa: BLE001 - the engine's own answer, as DuplicateJob
                error = raised
        if fault in UNKNOWN:
            error = ReplyUnknown("simulated: the reply was lost")
        return result, error

    def _reply(self, op: str, args: Any, result: Any, error: Any, reply: Any) -> None:
        if reply.done():
            return
        if error is not None:
            reply.set_exception(error)
            return
        self._network.watcher.answered(self._node, op, args, result)
        reply.set_result(result)

    async def wait(self, queues: Sequence[str], seconds: float) -> None:
        network = self._network
        fault = network.plan.draw("wait", network.loop.time(), self._node.name, self._mortal)
        if fault is Fault.UNAVAILABLE:
            raise EngineUnavailable("simulated: cannot listen")
        if fault is Fault.WAKE_LOST:
            await asyncio.sleep(seconds)
        elif fault is Fault.WAKE_TWICE:
            await asyncio.sleep(min(seconds, 0.05))
        else:
            await network.store.sleep(self._inner, queues, seconds)

    def transaction(self, claim: Claim) -> FaultyTransaction:
        return FaultyTransaction(
            self._network, self._node, self._inner.transactional.transaction(claim), claim
        )

    def atransaction(self, claim: Claim) -> FaultyAsyncTransaction | None:
        """Where the engine has both forms, let every other job await its transaction."""
        if not self._network.store.awaits or ord(claim.job.id[-1]) % 2:
            return None
        inner = self._inner.transactional.atransaction(claim)
        return FaultyAsyncTransaction(self._network, self._node, inner, claim)

    async def enqueue(self, jobs: Sequence[NewJob]) -> tuple[Receipt, ...]:
        return await self._ask("enqueue", jobs)

    async def exchange(
        self, worker: str, settlements: Sequence[Settlement], wanted: Wanted | None
    ) -> Exchanged:
        return await self._ask("exchange", worker, settlements, wanted)

    async def record_step(self, claim: Claim, name: str, result: bytes) -> bool:
        return await self._ask("record_step", claim, name, result)

    async def join(self, info: WorkerInfo) -> None:
        await self._ask("join", info)

    async def renew(self, worker: str, *, stalled_for: int = 0, **_: Any) -> Renewal:
        return await self._ask("renew", worker, stalled_for)

    async def leave(self, worker: str) -> None:
        await self._ask("leave", worker)

    async def workers(self) -> tuple[WorkerStatus, ...]:
        return await self._ask("workers")

    async def expire(self, gone: Sequence[str]) -> tuple[str, ...]:
        return await self._ask("expire", gone)

    async def abandoned(self, limit: int) -> tuple[Claim, ...]:
        return await self._ask("abandoned", limit)

    async def claimed(self, worker: str, known: Collection[str] = ()) -> tuple[Claim, ...]:
        return await self._ask("claimed", worker, known)

    async def get(self, ids: Sequence[str]) -> tuple[Job, ...]:
        return await self._ask("get", ids)

    async def find(self, which: Filter, limit: int, cursor: str | None = None) -> JobPage:
        return await self._ask("find", which, limit, cursor)

    async def errors(self, job_id: str) -> tuple[AttemptError, ...]:
        return await self._ask("errors", job_id)

    async def steps(self, job_id: str) -> dict[str, bytes]:
        return await self._ask("steps", job_id)

    async def queues(self) -> tuple[QueueCount, ...]:
        return await self._ask("queues")

    async def dead_groups(self) -> tuple[DeadGroup, ...]:
        return await self._ask("dead_groups")

    async def tally(self) -> dict[str, int]:
        return await self._ask("tally")

    async def cancel(self, ids: Sequence[str]) -> tuple[str, ...]:
        return await self._ask("cancel", ids)

    async def run_now(self, ids: Sequence[str]) -> tuple[str, ...]:
        return await self._ask("run_now", ids)

    async def redrive(self, jobs: Sequence[Redrive]) -> tuple[str, ...]:
        return await self._ask("redrive", jobs)

    async def purge(self, ids: Sequence[str]) -> tuple[str, ...]:
        return await self._ask("purge", ids)

    async def pause(self, queue: str) -> None:
        await self._ask("pause", queue)

    async def resume(self, queue: str) -> None:
        await self._ask("resume", queue)

    async def prune(self, state: int, older_than: int, limit: int) -> int:
        return await self._ask("prune", state, older_than, limit)
