"""The fence of a claim: a number that grows and is never given twice to jobs of one id."""

from __future__ import annotations

from .instant import SECOND

FENCE_MAX = 2**31 - 1
"""The highest that every engine can store; a job that has it keeps it."""
BELIEVED_MAX = 2_000_000_000
"""A deleted job with this fence or a higher one does not raise the floor: claims never reach it."""

_SINCE = 1_767_225_600 * SECOND
"""2026-01-01, UTC."""
_LEAST, _MOST = 1_000_000, 1_000_000_000


def first_floor(now: int) -> int:
    """Return the floor of a new store: the seconds since 2026.

    So it is higher than all fences of older releases, and than those of a store that this one
    replaces.

    >>> first_floor(0), first_floor(1_800_000_000_000_000)
    (1000000, 32774400)
    """
    return max(_LEAST, min(_MOST, (now - _SINCE) // SECOND))


def next_fence(fence: int, floor: int) -> int:
    """Return the fence of a new claim: above the job's last, and above those of deleted jobs.

    ``floor`` is the highest fence of any job that the store has deleted: one of them may have had
    the same id.
    """
    return min(max(fence, floor), FENCE_MAX - 1) + 1


def raised_floor(floor: int, fence: int) -> int:
    """Return the floor once a job with ``fence`` has been deleted."""
    return max(floor, fence) if fence < BELIEVED_MAX else floor
