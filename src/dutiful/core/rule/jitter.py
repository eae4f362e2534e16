"""Spreads schedules that are due at one instant, by the same amount each time it is asked."""

from __future__ import annotations

from hashlib import blake2b


def jittered(schedule: str, planned: int, jitter: int) -> int:
    """Return the instant at which an occurrence becomes due: ``planned`` plus 0 to ``jitter``.

    The amount follows from the schedule's name and the planned instant, so every scheduler finds
    the same, and the planned instant itself stays what the rule says.

    >>> jittered("digest", 0, 1000) == jittered("digest", 0, 1000)
    True
    >>> jittered("digest", 60, 0)
    60
    """
    digest = blake2b(f"{schedule}\0{planned}".encode(), digest_size=8).digest()
    return planned + int.from_bytes(digest, "big") % (jitter + 1)
