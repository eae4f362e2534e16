"""Reads rows that any program may have written: a bad value affects only its own column.

Every program that can reach the database can write to the tables, and SQLite's columns accept any
type. An engine first reads a row the fast way, and by this module when that fails. The record that
is built here has the right type in every field, so that later code cannot fail on it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import isfinite
from typing import Any, NamedTuple

import msgspec

from dutiful.core.state import State

Read = Callable[[Any], Any]
"""Returns what a stored value means; raises ValueError or TypeError when it cannot be read."""

REFUSALS = (ValueError, TypeError, msgspec.MsgspecError, RecursionError)
_LONG = 2**63 - 1
_SHOWN = 500
"""How many characters of a text that cannot be read are shown in its place."""


class Column(NamedTuple):
    """How one column is read, and its substitute when it cannot be read."""

    read: Read
    instead: Read


class Found(NamedTuple):
    """The values of a row, and the names of the columns whose values are substitutes."""

    values: dict[str, Any]
    unreadable: str | None


def salvage(columns: Mapping[str, Column], row: Sequence[Any]) -> Found:
    """Read a row column by column, in the order of ``columns``."""
    values: dict[str, Any] = {}
    bad: list[str] = []
    for (name, column), value in zip(columns.items(), row, strict=True):
        try:
            values[name] = column.read(value)
        except REFUSALS:
            values[name] = column.instead(value)
            bad.append(name)
    return Found(values, ", ".join(bad) or None)


def shown(value: Any) -> str:
    """Write any stored value as text that every output and every store accepts."""
    if value is None:
        return ""
    if isinstance(value, bytes):
        return value[: 4 * _SHOWN].decode("utf-8", "backslashreplace")[:_SHOWN]
    return str(value).encode("utf-8", "backslashreplace").decode()[:_SHOWN]


def always(value: Any) -> Read:
    """Return a reader that gives this value, whatever was stored."""
    return lambda _: value


def whole(low: int = -_LONG - 1, high: int = _LONG) -> Read:
    """Read a whole number within bounds; SQLite may hold it as a float."""

    def read(value: Any) -> int:
        if isinstance(value, float) and isfinite(value):
            value = int(value)
        if not isinstance(value, int) or not low <= value <= high:
            raise ValueError(value)
        return int(value)

    return read


def text(value: Any) -> str:
    """Read a text that can be written as UTF-8."""
    if not isinstance(value, str):
        raise TypeError(value)
    value.encode()
    return value


def name(value: Any) -> str:
    """Read a text that is not empty."""
    if not text(value):
        raise ValueError(value)
    return text(value)


def blob(value: Any) -> bytes:
    """Read bytes; a person who writes JSON by hand may have stored it as text."""
    if isinstance(value, bytes):
        return bytes(value)
    return text(value).encode()


def flag(value: Any) -> bool:
    """Read a boolean, stored as a number or as a boolean."""
    return bool(whole()(value))


def exact(value: Any) -> int:
    """Read a whole number that identifies rows: a float is refused."""
    if isinstance(value, float):
        raise TypeError(value)
    number: int = whole()(value)
    return number


def state(value: Any) -> State:
    """Read a state."""
    return State(exact(value))


def maybe(read: Read) -> Read:
    """Read a column that may be empty."""
    return lambda value: None if value is None else read(value)


def parsed(kind: Any, empty: Any) -> Read:
    """Read a column of JSON that may be empty."""
    decode = msgspec.json.Decoder(kind).decode

    def read(value: Any) -> Any:
        return decode(text(value)) if value else empty

    return read


def one_of(*words: str) -> Read:
    """Read one of the given words."""

    def read(value: Any) -> str:
        if value not in words:
            raise ValueError(value)
        return str(value)

    return read


tags = parsed(tuple[str, ...], ())
meta = parsed(dict[str, str], {})
