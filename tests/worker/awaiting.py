"""The memory engine with connections that are awaited, to be held up and broken at will."""

from __future__ import annotations

import asyncio
from typing import Any

from dutiful.core.errors import ReplyUnknown
from dutiful.core.job import Claim
from dutiful.core.settle import Settlement
from tests.flat import Flat


class AwaitedConnection:
    """What a task is given; of no use once its transaction has ended."""

    def __init__(self, data: dict[str, Any]) -> None:
        self._data = data
        self.open = True

    async def write(self, line: str) -> None:
        await asyncio.sleep(0)
        if not self.open:
            raise RuntimeError("the connection is closed")
        self._data[line] = True


class AwaitedEngine(Flat):
    """Waits at gates: ``begin``, ``commit`` (before it is done), ``reply`` and ``rollback``."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[str] = []
        self.holding = 0
        """How many transactions hold something now."""
        self.gates: dict[str, asyncio.Event] = {}
        self.faults: dict[str, list[Exception]] = {}
        """What a gate raises, once each."""

    @property
    def lines(self) -> list[str]:
        return sorted(self.tables.data)

    def atransaction(self, claim: Claim) -> AwaitedTransaction:  # type: ignore[override]  # no None
        return AwaitedTransaction(self, claim)

    async def gate(self, name: str) -> None:
        self.calls.append(name)
        if name in self.gates:
            await self.gates[name].wait()
        if self.faults.get(name):
            raise self.faults[name].pop(0)


class AwaitedTransaction:
    """Keeps the promises of `AsyncJobTransaction`, cancelled or not."""

    def __init__(self, engine: AwaitedEngine, claim: Claim) -> None:
        self._engine = engine
        self._inner = engine.transactional.transaction(claim)
        self._connection: AwaitedConnection | None = None

    async def abegin(self) -> AwaitedConnection:
        await self._engine.gate("begin")
        self._connection = AwaitedConnection(self._inner.begin())
        self._engine.holding += 1
        return self._connection

    async def acommit(self, settlement: Settlement) -> bool:
        try:
            await self._engine.gate("commit")
            held = self._inner.commit(settlement)
            await self._engine.gate("reply")
            return held
        except ReplyUnknown:
            self._inner.rollback()
            raise
        finally:
            self._end()

    async def arollback(self) -> None:
        try:
            await self._engine.gate("rollback")
        finally:
            self._inner.rollback()
            self._end()

    def _end(self) -> None:
        if self._connection is not None:
            self._connection.open = False
            self._connection = None
            self._engine.holding -= 1
