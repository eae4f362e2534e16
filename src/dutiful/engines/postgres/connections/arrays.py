"""Columns of values in PostgreSQL's binary form of an array, to be sent to the server.

The driver itself would take as long to write a list as the server takes to store it.
"""

from __future__ import annotations

import struct
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import Any

from psycopg.adapt import AdaptersMap, Buffer, Dumper
from psycopg.pq import Format

_HEADER = struct.Struct(">iiIii")
_NULL = b"\xff\xff\xff\xff"
_LENGTHS = [struct.pack(">i", length) for length in range(4096)]


class Array(ABC):
    """One column; ``oid`` is that of the array's type, ``element`` that of its elements."""

    __slots__ = ("items",)
    oid = 0
    element = 0

    def __init__(self, items: Sequence[Any]) -> None:
        """Keep the values; None is NULL."""
        self.items = items

    @abstractmethod
    def body(self) -> bytes:
        """Return the elements, each after its length."""

    def binary(self) -> bytes:
        """Return the array as the server reads it."""
        count = len(self.items)
        if not count:
            return _HEADER.pack(0, 0, self.element, 0, 0)[:12]
        body = self.body()
        return _HEADER.pack(1, int(None in self.items), self.element, count, 1) + body


class TextArray(Array):
    """A column of text."""

    __slots__ = ()
    oid, element = 1009, 25

    def body(self) -> bytes:
        """Return the elements in UTF-8."""
        return _counted([None if item is None else item.encode() for item in self.items])


class Bytes(Array):
    """A column of bytea."""

    __slots__ = ()
    oid, element = 1001, 17

    def body(self) -> bytes:
        """Return the elements as they are."""
        return _counted(self.items)


class _Numbers(Array):
    __slots__ = ()
    letter = "q"
    size = 8

    def body(self) -> bytes:
        """Return the elements, the highest byte first."""
        size, letter = self.size, self.letter
        if None not in self.items:
            flat = [part for item in self.items for part in (size, item)]
            return struct.pack(">" + ("i" + letter) * len(self.items), *flat)
        one = struct.Struct(">i" + letter)
        return b"".join([_NULL if item is None else one.pack(size, item) for item in self.items])


class Longs(_Numbers):
    """A column of bigint."""

    __slots__ = ()
    oid, element = 1016, 20


class Integers(_Numbers):
    """A column of integer."""

    __slots__ = ()
    oid, element, letter, size = 1007, 23, "i", 4


class Shorts(_Numbers):
    """A column of smallint."""

    __slots__ = ()
    oid, element, letter, size = 1005, 21, "h", 2


class Booleans(_Numbers):
    """A column of boolean."""

    __slots__ = ()
    oid, element, letter, size = 1000, 16, "?", 1


def columns(kinds: Sequence[type[Array]], rows: Iterable[Sequence[Any]]) -> tuple[Array, ...]:
    """Turn rows into columns, one of each kind."""
    turned = list(zip(*rows, strict=True)) or [()] * len(kinds)
    return tuple([kind(list(column)) for kind, column in zip(kinds, turned, strict=True)])


def _counted(items: Sequence[bytes | None]) -> bytes:
    parts: list[bytes] = []
    for item in items:
        if item is None:
            parts.append(_NULL)
        else:
            length = len(item)
            parts.append(_LENGTHS[length] if length < 4096 else struct.pack(">i", length))
            parts.append(item)
    return b"".join(parts)


class _ArrayDumper(Dumper):
    format = Format.BINARY

    def dump(self, obj: Any) -> Buffer | None:
        """Write a column."""
        array: Array = obj
        return array.binary()


def teach(adapters: AdaptersMap) -> None:
    """Register the columns' types with a map of adapters."""
    for dumper in _DUMPERS:
        adapters.register_dumper(dumper.kind, dumper)


def _dumper(kind: type[Array]) -> Any:
    return type(f"{kind.__name__}Dumper", (_ArrayDumper,), {"oid": kind.oid, "kind": kind})


_DUMPERS = [_dumper(kind) for kind in (TextArray, Bytes, Longs, Integers, Shorts, Booleans)]
