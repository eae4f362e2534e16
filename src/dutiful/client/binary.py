"""Bytes where a type says text, and text where it says bytes: JSON would hide the mistake."""

from __future__ import annotations

import typing
from collections.abc import Callable
from functools import partial
from types import NoneType, UnionType
from typing import Annotated, Any

_BYTES = (bytes, bytearray, memoryview)
_SERIES = (list, tuple, set, frozenset)
Look = Callable[[Any], str | None]
"""Returns what is wrong with a value, None where nothing is."""


def look_at(kind: Any) -> Look | None:
    """Return a check of the values of a type; None for types that hold no text and no bytes."""
    if kind is str:
        return _text
    if kind in _BYTES:
        return _binary
    of, parts = typing.get_origin(kind), typing.get_args(kind)
    if of is Annotated:
        return look_at(parts[0])
    if of in (typing.Union, UnionType):
        single = [part for part in parts if part is not NoneType]
        return look_at(single[0]) if len(single) == 1 else None
    if of is dict:
        return _looking(dict, look_at(parts[1]))
    if of in _SERIES and len({*parts} - {Ellipsis}) == 1:
        return _looking(_SERIES, look_at(parts[0]))
    return None


def _looking(kinds: Any, inner: Look | None) -> Look | None:
    return None if inner is None else partial(_within, kinds, inner)


def _text(value: Any) -> str | None:
    if isinstance(value, _BYTES):
        return "bytes given for text, which would arrive as base64; decode them: .decode()"
    return None


def _binary(value: Any) -> str | None:
    if isinstance(value, str):
        return "text given for bytes, which would be read as base64; encode it: .encode()"
    return None


def _within(kinds: Any, inner: Look, value: Any) -> str | None:
    if not isinstance(value, kinds):
        return None
    parts: Any = value.values() if kinds is dict else value
    if inner is _text and not {*map(type, parts)}.intersection(_BYTES):
        return None  # as a rule, found without looking at each
    return next((wrong for part in parts if (wrong := inner(part)) is not None), None)
