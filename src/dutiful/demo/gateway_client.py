"""Asks the gateway from outside, over the same HTTP that the tasks use."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import closing
from http.client import HTTPConnection

import msgspec

from dutiful.contract.beside import beside
from dutiful.demo.books import CashUp, LedgerLine, Stats, read_cash_book, read_ledger

SECONDS_MAX = 10.0


class GatewayClient:
    """Reads counters and the ledger, breaks and repairs cards."""

    def __init__(self, address: str) -> None:
        """Take the gateway's host and port."""
        self.address = address

    async def stats(self) -> Stats:
        """Return the gateway's counters."""
        return msgspec.json.decode(await self._ask("GET", "/stats"), type=Stats)

    async def ledger(self) -> tuple[LedgerLine, ...]:
        """Return every charge that was really made."""
        return read_ledger(await self._ask("GET", "/ledger"))

    async def cash_ups(self) -> tuple[CashUp, ...]:
        """Return every cash-up that was noted."""
        return read_cash_book(await self._ask("GET", "/cash-ups"))

    async def break_cards(self, cards: Sequence[str]) -> None:
        """Have these cards declined."""
        await self._ask("POST", "/cards/break", json.dumps({"cards": list(cards)}))

    async def repair(self) -> None:
        """Have every card accepted."""
        await self._ask("POST", "/cards/repair")

    async def _ask(self, method: str, path: str, body: str | None = None) -> bytes:
        return await beside(lambda: self._ask_sync(method, path, body))

    def _ask_sync(self, method: str, path: str, body: str | None) -> bytes:
        with closing(HTTPConnection(self.address, timeout=SECONDS_MAX)) as connection:
            connection.request(method, path, body)
            reply = connection.getresponse()
            answer = reply.read()
        if reply.status != 200:
            raise ConnectionError(f"{method} {path}: {reply.status} {answer.decode()}")
        return answer
