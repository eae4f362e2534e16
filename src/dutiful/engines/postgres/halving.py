"""Stores as many items as possible when the server refuses some, which undoes the statement."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from typing import TypeVar

from dutiful.contract.roles.transfer import FillResult, Refusal
from dutiful.core.errors import BadPayload

_UNFIT = (BadPayload, struct.error, UnicodeEncodeError)
T = TypeVar("T")


def in_halves(
    items: Sequence[T], fill: Callable[[Sequence[T]], FillResult], name: Callable[[T], str]
) -> FillResult:
    """Store all items together, or in ever smaller parts; return refused items by their names."""
    if not items:
        return FillResult()
    try:
        return fill(items)
    except _UNFIT as error:
        if len(items) == 1:
            return FillResult((), (Refusal(name(items[0]), str(error)),))
    half = len(items) // 2
    first, second = [in_halves(part, fill, name) for part in (items[:half], items[half:])]
    return FillResult(first.stored + second.stored, first.refused + second.refused)
