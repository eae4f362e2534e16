"""The parts of containers, found without running code of a subclass."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any, TypeGuard

from .bare import kind_of
from .text import shown


def is_dict(value: object) -> TypeGuard[dict[Any, Any]]:
    """Whether a value is a dict; of what, is not known."""
    return isinstance(value, dict)


def is_series(value: object) -> TypeGuard[Collection[Any]]:
    """Whether a value is a list, a tuple or a set; of what, is not known."""
    return isinstance(value, list | tuple | set | frozenset)


_ITEMS: Callable[[Any], Iterable[tuple[Any, Any]]] = dict[Any, Any].items
_EACH: tuple[tuple[type, Callable[[Any], Iterator[Any]]], ...] = (
    (list, list[Any].__iter__),
    (tuple, tuple[Any, ...].__iter__),
    (set, set[Any].__iter__),
    (frozenset, frozenset[Any].__iter__),
)


def parts_of(value: Any) -> Iterator[tuple[str, Any]] | None:
    """Return the parts of a container, without running code of a subclass."""
    kind = kind_of(value)
    if issubclass(kind, dict):
        return ((f".{_shown(key)}", part) for key, part in _ITEMS(value))
    for series, each in _EACH:
        if issubclass(kind, series):
            return ((f"[{n}]", part) for n, part in enumerate(each(value)))
    return None


def equal_keys(raw: bytes) -> str | None:
    """Return a key that one object of a JSON text has twice; None where there is none."""
    found: list[str] = []

    def look(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        keys = [key for key, _ in pairs]
        found.extend(key for key in keys if keys.count(key) > 1)
        return {}

    json.loads(raw, object_pairs_hook=look)
    return shown(found[0]) if found else None


def _shown(key: Any) -> str:
    return key if isinstance(key, str) else shown(key)
