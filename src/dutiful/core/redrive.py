"""What is noted in a job's own meta when it is sent back."""

from __future__ import annotations

from collections.abc import Mapping

COUNT, ORIGIN = "redriven", "redriven_from"
_DIGITS_MAX = 9


def redriven(meta: Mapping[str, str], reason: str | None) -> dict[str, str]:
    """Count the redrive, and keep what the job had died of; a count that is none begins again."""
    before = meta.get(COUNT, "")
    counts = before.isascii() and before.isdecimal() and len(before) <= _DIGITS_MAX
    count = int(before) + 1 if counts else 1
    return {**meta, COUNT: str(count), ORIGIN: reason or ""}
