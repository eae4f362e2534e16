"""The gateway's books: what was charged, what is replayed, which cards fail, which fault is due."""

from __future__ import annotations

import os
import random
from bisect import bisect_left
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import msgspec

FAILING = "tok_expired"
"""Cards whose token begins so are declined until they are repaired."""

ERRORS, STALLS, CUTS = 0.06, 0.03, 0.03
"""Shares of requests: 5xx before the charge; silence and a cut connection after it."""

LATENCY = (0.005, 0.060)

FaultKind = Literal["none", "error", "stall", "cut"]


class Fault(msgspec.Struct, frozen=True):
    """What happens to one request beside its own business."""

    kind: FaultKind
    latency: float


class Charge(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of a request to charge a card."""

    order: str
    card: str
    cents: int
    currency: str


class LedgerLine(msgspec.Struct, frozen=True):
    """One line of the ledger: money that was really taken."""

    charge: str
    order: str
    card: str
    cents: int
    currency: str
    key: str | None = None


class CashUp(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A time range whose charges are counted: what is asked for, and noted in a book."""

    since: datetime | None
    until: datetime


class GatewayAnswer(msgspec.Struct, frozen=True):
    """A status and what to say with it."""

    status: int
    body: dict[str, object]


class Stats(msgspec.Struct):
    """The gateway's counters, which any process may read."""

    requests: int = 0
    inflight: int = 0
    charges: int = 0
    orders_charged: int = 0
    replayed: int = 0
    declined: int = 0
    errors: int = 0
    stalls: int = 0
    cuts: int = 0
    cash_ups: int = 0


def fault(seed: int, order: str, nth: int) -> Fault:
    """Draw the fault of an order's ``nth`` request: the same for every caller."""
    rng = random.Random(f"{seed}:{order}:{nth}")  # noqa: S311 - chance, not secrets
    latency = rng.uniform(*LATENCY)
    draw = rng.random()
    kind: FaultKind = "none"
    if draw < ERRORS:
        kind = "error"
    elif draw < ERRORS + STALLS:
        kind = "stall"
    elif draw < ERRORS + STALLS + CUTS:
        kind = "cut"
    return Fault(kind, latency)


class Books:
    """Charges cards and writes each charge to an append-only file before it answers.

    Cash-ups are a book of their own, beside the ledger.
    """

    def __init__(self, ledger: Path, seed: int) -> None:
        """Open the ledger for appending."""
        self.ledger = ledger
        self.seed = seed
        self.stats = Stats()
        self.cash_book = ledger.with_name("cash-ups.jsonl")
        self._file = _appended(ledger)
        self._cash_file = _appended(self.cash_book)
        self._charged_at: list[datetime] = []
        self._answered: dict[str, tuple[Charge | CashUp, GatewayAnswer]] = {}
        self._requests: Counter[str] = Counter()
        self._charged: set[str] = set()
        self._broken: set[str] = set()
        self._repaired = False

    def draw(self, order: str) -> Fault:
        """Count a request for an order and draw its fault."""
        self._requests[order] += 1
        return fault(self.seed, order, self._requests[order])

    def charge(self, request: Charge, key: str | None) -> GatewayAnswer:
        """Take the money, or replay the answer that this key was given before."""
        if (known := self._known(request, key)) is not None:
            self.stats.replayed += known.status == 201
            return known
        if self.fails(request.card):
            self.stats.declined += 1
            return GatewayAnswer(402, {"error": "card declined"})
        entry = self._write(request, key)
        answer = GatewayAnswer(201, {"charge": entry.charge})
        if key is not None:
            self._answered[key] = (request, answer)
        return answer

    def cash_up(self, request: CashUp, key: str | None) -> GatewayAnswer:
        """Note a cash-up, or replay its answer, and say how many charges it covers."""
        if (known := self._known(request, key)) is not None:
            return known
        os.write(self._cash_file, msgspec.json.encode(request) + b"\n")
        self.stats.cash_ups += 1
        first = 0 if request.since is None else bisect_left(self._charged_at, request.since)
        answer = GatewayAnswer(
            201, {"charges": bisect_left(self._charged_at, request.until) - first}
        )
        if key is not None:
            self._answered[key] = (request, answer)
        return answer

    def fails(self, card: str) -> bool:
        """Whether a card is declined for now."""
        return not self._repaired and (card in self._broken or card.startswith(FAILING))

    def break_cards(self, cards: list[str]) -> int:
        """Decline these cards as well."""
        self._broken.update(cards)
        return len(self._broken)

    def close(self) -> None:
        """Close the files."""
        os.close(self._file)
        os.close(self._cash_file)

    def repair(self) -> None:
        """Accept every card from now on."""
        self._repaired = True

    def _known(self, request: Charge | CashUp, key: str | None) -> GatewayAnswer | None:
        """Return what this key was answered before, None for a new one."""
        known = None if key is None else self._answered.get(key)
        if known is None or known[0] == request:
            return known and known[1]
        return GatewayAnswer(422, {"error": "this idempotency key belongs to another request"})

    def _write(self, request: Charge, key: str | None) -> LedgerLine:
        self.stats.charges += 1
        self._charged.add(request.order)
        self._charged_at.append(datetime.now(UTC))
        self.stats.orders_charged = len(self._charged)
        entry = LedgerLine(
            f"ch_{self.stats.charges:06d}",
            request.order,
            request.card,
            request.cents,
            request.currency,
            key,
        )
        # Unbuffered, so that the line outlives this process from here on.
        os.write(self._file, msgspec.json.encode(entry) + b"\n")
        return entry


def _appended(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)


def read_ledger(raw: bytes) -> tuple[LedgerLine, ...]:
    """Read a ledger's lines."""
    decode = msgspec.json.Decoder(LedgerLine).decode
    return tuple(decode(line) for line in raw.splitlines())


def read_cash_book(raw: bytes) -> tuple[CashUp, ...]:
    """Read the lines of a book of cash-ups."""
    decode = msgspec.json.Decoder(CashUp).decode
    return tuple(decode(line) for line in raw.splitlines())
