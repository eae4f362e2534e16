"""Parameters that the program's adapters do not change.

`sqlite3.register_adapter` applies to every connection of the process, also to those of this engine,
and may be called for str, int, float and bytes, too. An adapter applies to one exact type.
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
    """Knows the adapters of the process: whether any is for a plain type."""

    def __init__(self) -> None:
        """Look at nothing yet."""
        self.all: dict[tuple[type, type], Any] = getattr(sqlite3, "adapters", {})
        self.harmless = 0
        """How many adapters there were when none was for a plain type; -1 when one is."""
        self._count = 0
        self._touched = False

    def touches(self) -> bool:
        """Whether a plain value would be changed; checks again when one was registered."""
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
    """Return parameters that adapters do not change."""
    return [_apart(value) for value in params] if registry.touches() else params


def all_shielded(rows: Iterable[Sequence[Any]]) -> Iterable[Sequence[Any]]:
    """Do the same for the parameters of many rows."""
    return map(shielded, rows) if registry.touches() else rows


def _apart(value: Any) -> Any:
    for plain, ours in _KINDS:
        if isinstance(value, plain):
            return ours(value)
    return value
