"""Parameters that the program's adapters do not reach.

`sqlite3.register_adapter` holds for every connection of the process, also for those of this
engine, and for plain texts, numbers and bytes too. It is found by the exact type of a value.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any

from dutiful.core.errors import UsageError


class _Text(str):
    __slots__ = ()


class _Bytes(bytes):
    __slots__ = ()


class _Integer(int):
    __slots__ = ()


class _Float(float):
    __slots__ = ()


_KINDS: tuple[tuple[type, type], ...] = (
    (int, _Integer),
    (str, _Text),
    (bytes, _Bytes),
    (float, _Float),
)
_PLAIN = frozenset({int, str, bytes, float, bool})


class Registry:
    """What is known of the adapters: whether one is for a plain type, and how many there were."""

    def __init__(self) -> None:
        """Look at nothing yet."""
        self.all: dict[tuple[type, type], Any] = getattr(sqlite3, "adapters", {})
        self.harmless = 0
        """How many adapters there were when none was for a plain type; -1 when one is."""
        self._count = 0
        self._touched = False

    def touches(self) -> bool:
        """Whether a plain value would be changed; looks closer when one was registered."""
        if len(self.all) != self._count:
            count, kinds = len(self.all), {kind for kind, _ in list(self.all)}
            if type(None) in kinds:
                raise UsageError(
                    "the program has registered an sqlite3 adapter for None, which would change "
                    "what Dutiful stores; register adapters for your own types only"
                )
            self._count, self._touched = count, bool(_PLAIN & kinds)
            self.harmless = -1 if self._touched else count
        return self._touched


registry = Registry()


def shielded(params: Sequence[Any]) -> Sequence[Any]:
    """Return parameters that are stored as they are."""
    return [_apart(value) for value in params] if registry.touches() else params


def all_shielded(rows: Iterable[Sequence[Any]]) -> Iterable[Sequence[Any]]:
    """Return the parameters of many rows likewise."""
    return map(shielded, rows) if registry.touches() else rows


def _apart(value: Any) -> Any:
    for plain, ours in _KINDS:
        if isinstance(value, plain):
            return ours(value)
    return value
