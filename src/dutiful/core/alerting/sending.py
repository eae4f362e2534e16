"""Which deliveries to make now, and what becomes of one after a try."""

from __future__ import annotations

from collections.abc import Container, Iterable

from msgspec.structs import replace

from dutiful.core.instant import HOUR, MINUTE, SECOND

from .incident import Delivery
from .sample import SinkSample

CLAIM = 5 * SECOND
"""For how long a sender keeps a delivery to itself; if it dies, another one sends it after this."""
PAUSES = (5 * SECOND, 15 * SECOND, 30 * SECOND, MINUTE, 2 * MINUTE, 5 * MINUTE, 10 * MINUTE, HOUR)
"""Between the tries; after the last one follow others of its length."""
TRIES_MAX = 16
_LATELY = HOUR


def due(deliveries: Iterable[Delivery], sinks: Container[str], now: int) -> tuple[Delivery, ...]:
    """Return what may be sent now, oldest first.

    A delivery waits for an earlier one to the same sink about the same alert, so that the end
    is not reported before the beginning.
    """
    found: list[Delivery] = []
    before: set[tuple[str, str]] = set()
    for one in sorted(deliveries, key=lambda each: (each.at, each.id)):
        if not one.open or one.sink not in sinks:
            continue
        about = {(one.sink, key) for key in one.keys}
        free = one.claimed_until is None or one.claimed_until <= now
        if free and one.due_at <= now and not about & before:
            found.append(one)
        before |= about
    return tuple(found)


def claimed(one: Delivery, now: int) -> Delivery:
    """Claim a delivery for a try."""
    return replace(one, claimed_until=now + CLAIM, attempt=one.attempt + 1)


def sent(one: Delivery, now: int) -> Delivery:
    """Note that the sink took it."""
    return replace(one, claimed_until=None, sent_at=now)


def failed(one: Delivery, error: str, now: int) -> Delivery:
    """Note that a try failed: it is due again after a pause that grows, or given up."""
    pause = PAUSES[min(one.attempt, len(PAUSES)) - 1]
    return replace(
        one,
        claimed_until=None,
        due_at=now + pause,
        error=error,
        given_up=one.attempt >= TRIES_MAX,
    )


def failing(deliveries: Iterable[Delivery], now: int) -> tuple[SinkSample, ...]:
    """Return the sinks whose latest tries failed."""
    worst: dict[str, Delivery] = {}
    reached: dict[str, int] = {}
    for one in deliveries:
        if one.sent_at is not None:
            reached[one.sink] = max(reached.get(one.sink, 0), one.sent_at)
        elif one.error and (one.open or now - one.due_at < _LATELY):
            known = worst.get(one.sink)
            worst[one.sink] = one if known is None or known.attempt < one.attempt else known
    return tuple(
        SinkSample(sink, one.attempt, one.error, one.at)
        for sink, one in sorted(worst.items())
        if reached.get(sink, one.at) <= one.at
    )
