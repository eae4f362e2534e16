"""The transactions of tasks, whose begin and commit fail as calls do."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from dutiful.core.errors import EngineUnavailable, ReplyUnknown
from dutiful.core.job import Claim
from dutiful.core.settle import Settlement

from .faults import Fault
from .loop import Node
from .network import AFTER, BEFORE, KILLS, UNKNOWN, Network


class _Faulty:
    """What both forms share: which faults befall a call, and what is open when a process dies."""

    def __init__(self, network: Network, node: Node, inner: Any, claim: Claim) -> None:
        self._network = network
        self._node = node
        self._inner = inner
        self._claim = claim

    def _draw(self, op: str) -> Fault | None:
        network = self._network
        fault = network.plan.draw(op, network.loop.time(), self._node.name, True)
        return None if fault is Fault.STALL else fault

    def _open(self) -> None:
        self._network.transactions.setdefault(self._node, []).append(self)

    def _shut(self) -> None:
        mine = self._network.transactions.get(self._node, [])
        if self in mine:
            mine.remove(self)
        if self._network.write_lock is not None:
            self._network.write_lock.look()

    def _write(self, commit: Callable[[], bool], settlement: Settlement) -> bool:
        args = (self._claim, settlement)
        return bool(self._network.perform(self._node, "commit", args, commit))


class FaultyTransaction(_Faulty):
    """A transaction of a thread's."""

    @property
    def over(self) -> bool:
        """Whether it has ended, be it that it held the lock for too long."""
        return self._inner._connection is None

    def begin(self) -> Any:
        network, node = self._network, self._node
        fault = self._draw("begin")
        if fault in (Fault.UNAVAILABLE, *UNKNOWN):
            raise EngineUnavailable("simulated: the store is away")
        if fault is not None:
            network.strike(node, fault, "begin")
            if fault in KILLS:
                return None  # its process is dead: nobody hears this
        if network.write_lock is not None:
            network.write_lock.enter(self)
        try:
            connection = self._inner.begin()
        except BaseException:
            self._shut()
            raise
        self._open()
        return connection

    def commit(self, settlement: Settlement) -> bool:
        network, node = self._network, self._node
        fault = self._draw("commit")
        if fault is Fault.UNAVAILABLE:
            raise EngineUnavailable("simulated: the store is away")
        if fault in BEFORE:
            network.strike(node, fault, "commit")
            if fault in KILLS:
                return False  # its process is dead: nobody hears this
        held = False
        if fault is Fault.UNKNOWN_LOST:
            self._inner.rollback()
        else:
            held = self._write(lambda: self._inner.commit(settlement), settlement)
        self._shut()
        if fault in AFTER:
            network.strike(node, fault, "commit")
        if fault in UNKNOWN:
            raise ReplyUnknown("simulated: the reply was lost")
        return held

    def rollback(self) -> None:
        self._inner.rollback()
        self._shut()

    drop = rollback


class FaultyAsyncTransaction(_Faulty):
    """A transaction that a coroutine awaits: it can be interrupted on either way."""

    async def abegin(self) -> Any:
        fault = self._draw("begin")
        await asyncio.sleep(self._network.plan.latency())
        if fault in (Fault.UNAVAILABLE, *UNKNOWN):
            raise EngineUnavailable("simulated: the store is away")
        if fault is not None:
            await self._struck(fault, "begin")
        connection = self._network.store.run(self._inner.abegin())
        self._open()
        try:
            await asyncio.sleep(self._network.plan.latency())
        except BaseException:
            self.drop()
            raise
        return connection

    async def acommit(self, settlement: Settlement) -> bool:
        try:
            return await self._acommit(settlement)
        finally:
            self.drop()

    async def _acommit(self, settlement: Settlement) -> bool:
        fault = self._draw("commit")
        await asyncio.sleep(self._network.plan.latency())
        if fault is Fault.UNAVAILABLE:
            raise EngineUnavailable("simulated: the store is away")
        if fault in BEFORE:
            await self._struck(fault, "commit")
        held = False
        if fault is not Fault.UNKNOWN_LOST:
            run = self._network.store.run
            held = self._write(lambda: run(self._inner.acommit(settlement)), settlement)
        if fault in AFTER:
            await self._struck(fault, "commit")
        await asyncio.sleep(self._network.plan.latency())
        if fault in UNKNOWN:
            raise ReplyUnknown("simulated: the reply was lost")
        return held

    async def arollback(self) -> None:
        self.drop()

    def drop(self) -> None:
        """Undo what is open, if anything is."""
        self._network.store.run(self._inner.arollback())
        self._shut()

    async def _struck(self, fault: Fault, op: str) -> None:
        """Die, or stand still before the next step."""
        self._network.strike(self._node, fault, op)
        if fault in KILLS:
            await self._network.loop.create_future()
        await asyncio.sleep(0)
