"""An engine as one process sees it: the shared memory engine behind a line that fails."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from contextvars import Context
from functools import partial
from typing import Any, Protocol

from dutiful.contract.fleet import Renewal, WorkerInfo, WorkerStatus
from dutiful.contract.page import DeadGroup, Filter, Holder, Page, QueueCount
from dutiful.contract.protocol import Exchanged, JobTransaction, Receipt, Redrive, Wanted
from dutiful.core.errors import EngineUnavailable, ReplyUnknown
from dutiful.core.job import AttemptError, Claim, Job, NewJob
from dutiful.core.settle import Settlement
from dutiful.engines.memory import MemoryEngine

from .faults import Fault, Plan
from .loop import NODE, Node, SimLoop

STORE = Context()
"""The context of the store's own steps: no process's death ends them."""

_BEFORE = (Fault.KILL_BEFORE, Fault.FREEZE_BEFORE)
_AFTER = (Fault.KILL_AFTER, Fault.FREEZE_AFTER)
_KILLS = (Fault.KILL_BEFORE, Fault.KILL_AFTER)
_UNKNOWN = (Fault.UNKNOWN_LOST, Fault.UNKNOWN_DONE)


class Watcher(Protocol):
    """What sees every operation of the store, and may take a process down."""

    def sent(self, node: Node, op: str, args: tuple[Any, ...]) -> None:
        """Hear of a call when it is made."""
        ...

    def perform(self, node: Node, op: str, args: tuple[Any, ...], call: Callable[[], Any]) -> Any:
        """Make the call on the engine, and look at what it changed."""
        ...

    def answered(self, node: Node, op: str, args: tuple[Any, ...], result: Any) -> None:
        """Hear that the caller was told."""
        ...

    def kill(self, node: Node, why: str) -> None:
        """End a process."""
        ...

    def freeze(self, node: Node, why: str) -> None:
        """Stop a process for a while."""
        ...

    def note(self, node: Node | None, what: str) -> None:
        """Write a line of the trace."""
        ...


class Line:
    """What all processes of a world share: the loop, the engine, the plan of faults."""

    def __init__(self, loop: SimLoop, engine: MemoryEngine, plan: Plan, watcher: Watcher) -> None:
        self.loop = loop
        self.engine = engine
        self.plan = plan
        self.watcher = watcher

    def strike(self, node: Node, fault: Fault, op: str) -> None:
        """Kill or freeze the caller."""
        if fault in _KILLS:
            self.watcher.kill(node, f"{op}: {fault}")
        else:
            self.watcher.freeze(node, f"{op}: {fault}")


class FaultyEngine:
    """Every role of the memory engine, for one process."""

    name = "memory"
    poll = MemoryEngine.poll
    capabilities = MemoryEngine.capabilities

    def __init__(self, line: Line, node: Node, *, mortal: bool = True) -> None:
        """Speak for ``node``; one that is not mortal is never killed or frozen by a call."""
        self._line = line
        self._node = node
        self._mortal = mortal

    async def open(self, **options: Any) -> tuple[str, ...]:
        return ()

    async def close(self) -> None: ...

    async def _ask(self, op: str, *args: Any) -> Any:
        """Send a call, let the store perform it by itself, and wait for the reply.

        Once it is sent, the death of the caller does not stop it, and cancelling does not, either.
        """
        line, node = self._line, self._node
        line.watcher.sent(node, op, args)
        plan, loop = line.plan, line.loop
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
        line, node = self._line, self._node
        if fault in _BEFORE:
            line.strike(node, fault, op)
            if fault in _KILLS:
                return
        result, error = self._write(op, args, fault)
        if fault is not None:
            node.troubled_at = max(node.troubled_at, line.loop.time())
        if fault is not None and fault is not Fault.STALL:
            line.watcher.note(node, f"{op} {fault}")
        if fault in _AFTER:
            line.strike(node, fault, op)
        context = Context()
        context.run(NODE.set, node)
        line.loop.call_later(
            line.plan.latency(), self._reply, op, args, result, error, reply, context=context
        )

    def _write(
        self, op: str, args: tuple[Any, ...], fault: Fault | None
    ) -> tuple[Any, Exception | None]:
        """Make the call on the engine, unless its fault says otherwise; return its answer."""
        line = self._line
        result: Any = None
        error: Exception | None = None
        if fault is Fault.UNAVAILABLE:
            error = EngineUnavailable("simulated: the store is away")
        elif fault is not Fault.UNKNOWN_LOST:
            call = partial(_at_once, getattr(line.engine, op), args)
            try:
                result = line.watcher.perform(self._node, op, args, call)
            except AssertionError as wrong:
                line.loop.broken = line.loop.broken or wrong
            except Exception as raised:  # noqa: BLE001 - the engine's own answer, as DuplicateJob
                error = raised
        if fault in _UNKNOWN:
            error = ReplyUnknown("simulated: the reply was lost")
        return result, error

    def _reply(self, op: str, args: Any, result: Any, error: Any, reply: Any) -> None:
        if reply.done():
            return
        if error is not None:
            reply.set_exception(error)
            return
        self._line.watcher.answered(self._node, op, args, result)
        reply.set_result(result)

    async def wait(self, queues: Sequence[str], seconds: float) -> None:
        line = self._line
        fault = line.plan.draw("wait", line.loop.time(), self._node.name, self._mortal)
        if fault is Fault.UNAVAILABLE:
            raise EngineUnavailable("simulated: cannot listen")
        if fault is Fault.WAKE_LOST:
            await asyncio.sleep(seconds)
        elif fault is Fault.WAKE_TWICE:
            await asyncio.sleep(min(seconds, 0.05))
        else:
            await line.engine.wait(queues, seconds)

    def transaction(self, claim: Claim) -> FaultyTransaction:
        inner = self._line.engine.transaction(claim)
        return FaultyTransaction(self._line, self._node, inner, claim)

    def atransaction(self, claim: Claim) -> None:
        """Leave coroutines to the sync transaction, as the engine inside does."""

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

    async def renew(self, worker: str, stalled_for: int = 0) -> Renewal:
        return await self._ask("renew", worker, stalled_for)

    async def leave(self, worker: str) -> None:
        await self._ask("leave", worker)

    async def workers(self) -> tuple[WorkerStatus, ...]:
        return await self._ask("workers")

    async def expire(self, gone: Sequence[str]) -> tuple[str, ...]:
        return await self._ask("expire", gone)

    async def abandoned(self, limit: int) -> tuple[Claim, ...]:
        return await self._ask("abandoned", limit)

    async def claimed(self, worker: str) -> tuple[Claim, ...]:
        return await self._ask("claimed", worker)

    async def get(self, ids: Sequence[str]) -> tuple[Job, ...]:
        return await self._ask("get", ids)

    async def find(self, which: Filter, limit: int, cursor: str | None = None) -> Page:
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

    async def hurry(self, ids: Sequence[str]) -> tuple[str, ...]:
        return await self._ask("hurry", ids)

    async def redrive(self, jobs: Sequence[Redrive]) -> tuple[str, ...]:
        return await self._ask("redrive", jobs)

    async def purge(self, ids: Sequence[str]) -> tuple[str, ...]:
        return await self._ask("purge", ids)

    async def pause(self, queue: str) -> None:
        await self._ask("pause", queue)

    async def resume(self, queue: str) -> None:
        await self._ask("resume", queue)

    async def holders(self) -> tuple[Holder, ...]:
        return ()

    async def prune(self, state: int, older_than: int, limit: int) -> int:
        return await self._ask("prune", state, older_than, limit)


class FaultyTransaction:
    """A transaction whose begin and commit fail as calls do."""

    def __init__(self, line: Line, node: Node, inner: JobTransaction, claim: Claim) -> None:
        self._line = line
        self._node = node
        self._inner = inner
        self._claim = claim
        self.rollback = inner.rollback

    def begin(self) -> Any:
        fault = self._draw("begin")
        if fault in (Fault.UNAVAILABLE, *_UNKNOWN):
            raise EngineUnavailable("simulated: the store is away")
        if fault is not None:
            self._line.strike(self._node, fault, "begin")
        return self._inner.begin()

    def commit(self, settlement: Settlement) -> bool:
        line, node = self._line, self._node
        fault = self._draw("commit")
        if fault is Fault.UNAVAILABLE:
            raise EngineUnavailable("simulated: the store is away")
        if fault in _BEFORE:
            line.strike(node, fault, "commit")
            if fault in _KILLS:
                return False  # its process is dead: nobody hears this
        held = False
        if fault is not Fault.UNKNOWN_LOST:
            args = (self._claim, settlement)
            held = line.watcher.perform(
                node, "commit", args, lambda: self._inner.commit(settlement)
            )
        if fault in _AFTER:
            line.strike(node, fault, "commit")
        if fault in _UNKNOWN:
            raise ReplyUnknown("simulated: the reply was lost")
        return held

    def _draw(self, op: str) -> Fault | None:
        line = self._line
        fault = line.plan.draw(op, line.loop.time(), self._node.name, True)
        return None if fault is Fault.STALL else fault


def _at_once(method: Callable[..., Coroutine[Any, Any, Any]], args: tuple[Any, ...]) -> Any:
    """Run a coroutine that waits for nothing, and return its result."""
    try:
        method(*args).send(None)
    except StopIteration as stop:
        return stop.value
    raise AssertionError("the memory engine waited inside of an operation")
