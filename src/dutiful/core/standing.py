"""What a schedule's standing says of it, and where a move takes it."""

from __future__ import annotations

from msgspec.structs import replace

from .occurrence import Advance, Standing


def active(one: Standing) -> bool:
    """Whether a schedule may come to be due."""
    return one.paused_at is None and one.retired_at is None


def look_at(one: Standing) -> int | None:
    """Return when a schedule's next occurrence is to be looked at."""
    return None if one.next is None else max(one.next, one.retry_at or 0)


def holds(one: Standing, now: int) -> bool:
    """Whether to look if what a held occurrence waits for has ended."""
    return one.held is not None and (one.retry_at or 0) <= now


def admits(before: Standing, move: Advance) -> bool:
    """Whether a schedule takes a move: it was decided for this version, and nothing forbids it."""
    if before.version != move.version or before.retired_at is not None:
        return False
    return before.paused_at is None or move.by_hand


def moved(before: Standing, move: Advance, number: int) -> Standing:
    """Return where a schedule stands after a move; ``number`` counts what is recorded by then."""
    return replace(
        before,
        version=before.version + 1,
        number=number,
        last=move.last,
        next=move.next,
        held=move.held,
        held_previous=move.held_previous,
        broken=move.broken,
        retry_at=move.retry_at,
    )
