"""What is noted in a job's meta when it is redriven."""

from __future__ import annotations

from collections.abc import Mapping

COUNT, ORIGIN = "redriven", "redriven_from"
_DIGITS_MAX = 9


def redriven(meta: Mapping[str, str], reason: str | None) -> dict[str, str]:
    """Count the redrive and keep the reason of death; an invalid count begins again at 1."""
    before = meta.get(COUNT, "")
    counts = before.isascii() and before.isdecimal() and len(before) <= _DIGITS_MAX
    count = int(before) + 1 if counts else 1
    return {**meta, COUNT: str(count), ORIGIN: reason or ""}
