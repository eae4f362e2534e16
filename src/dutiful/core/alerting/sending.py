"""Which deliveries to make now, and what becomes of one after a try."""

from __future__ import annotations

from collections.abc import Container, Iterable

from msgspec.structs import replace

from dutiful.core.delivery import TRIES_MAX, next_try
from dutiful.core.errors import NotSent
from dutiful.core.instant import HOUR, SECOND
from dutiful.core.retry import Random

from .incident import Delivery
from .sample import SinkSample

CLAIM = 5 * SECOND
"""For how long a sender keeps a delivery to itself; if it dies, another one sends it after this."""
_LATELY = HOUR


def due(deliveries: Iterable[Delivery], sinks: Container[str], now: int) -> tuple[Delivery, ...]:
    """Return what may be sent now, oldest first.

    A delivery waits for an earlier one to the same sink about the same alert, so that the end
    is not reported before the beginning. One that was made or claimed before the store's clock
    was set back does not wait until the clock is there again.
    """
    found: list[Delivery] = []
    before: set[tuple[str, str]] = set()
    for one in sorted(deliveries, key=lambda each: (each.at, each.id)):
        if not one.open or one.sink not in sinks:
            continue
        about = {(one.sink, key) for key in one.keys}
        free = one.claimed_until is None or not now < one.claimed_until <= now + CLAIM
        is_due = one.due_at <= now or (one.attempt == 0 and one.at > now)
        if free and is_due and not about & before:
            found.append(one)
        before |= about
    return tuple(found)


def claimed(one: Delivery, now: int) -> Delivery:
    """Claim a delivery for a try."""
    return replace(one, claimed_until=now + CLAIM, attempt=one.attempt + 1)


def sent(one: Delivery, now: int) -> Delivery:
    """Note that the sink took it."""
    return replace(one, claimed_until=None, sent_at=now)


def failed(one: Delivery, failure: NotSent, now: int, rng: Random) -> Delivery:
    """Note that a try failed: it is due again after a pause, or given up (see `next_try`)."""
    pause = next_try(one.attempt, failure, rng)
    return replace(
        one,
        claimed_until=None,
        due_at=now + (pause or 0),
        error=str(failure),
        given_up=pause is None,
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
        # One that was refused for good counts as one that was tried in vain until the end.
        SinkSample(sink, TRIES_MAX if one.given_up else one.attempt, one.error, one.at)
        for sink, one in sorted(worst.items())
        if reached.get(sink, one.at) <= one.at
    )
