"""Statements with values as SQL text, for drivers that the application may have reconfigured."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from typing import Any

from dutiful.engines.postgres.connections.arrays import (
    Array,
    Booleans,
    Bytes,
    Integers,
    Longs,
    Shorts,
    TextArray,
)

_PLACE = re.compile(r"""("(?:[^"]|"")*"|E?'(?:[^'\\]|''|\\.)*')|\$(\d+)""")
"""A parameter, or a quoted name or text, which may contain something like a parameter."""
_TYPES: dict[type[Array], str] = {
    TextArray: "text",
    Bytes: "bytea",
    Longs: "bigint",
    Integers: "integer",
    Shorts: "smallint",
    Booleans: "boolean",
}
_ESCAPED = re.compile(r"[^ -~]|['\\]")


def spelled(text: str, params: Sequence[Any]) -> str:
    r"""Replace ``$1`` by its value, in ASCII; independent of the driver and of session settings.

    >>> spelled("SELECT $1 % $2", (7, None))
    'SELECT (7) % NULL'
    >>> spelled('SELECT $1 FROM "a$2"', ("it's é",))
    'SELECT E\'it\'\'s \\u00E9\' FROM "a$2"'
    >>> spelled("SELECT $1", (TextArray(["a", None]),))
    "SELECT ARRAY[E'a', NULL]::text[]"
    """
    values = [_literal(value) for value in params]
    return _PLACE.sub(lambda found: found[1] or values[int(found[2]) - 1], text)


def as_texts(text: str, params: Sequence[Any]) -> tuple[str, list[Any]]:
    """Send every column as an array of texts, which the server casts to the column's type.

    >>> as_texts("SELECT $1, $2", (Longs([1, None]), TextArray(["a"])))
    ('SELECT $1::text[]::bigint[], $2', [['1', None], ['a']])
    """
    kinds = tuple([type(value) if isinstance(value, Array) else None for value in params])
    return _cast(text, kinds), [_texts(value) for value in params]


@cache
def _cast(text: str, kinds: Sequence[type[Array] | None]) -> str:
    def cast(found: re.Match[str]) -> str:
        kind = None if found[1] else kinds[int(found[2]) - 1]
        if kind is None or kind is TextArray:
            return found[0]
        return f"{found[0]}::text[]::{_TYPES[kind]}[]"

    return _PLACE.sub(cast, text)


def _texts(value: Any) -> Any:
    match value:
        case TextArray():
            return list(value.items)
        case Bytes():
            return [None if item is None else f"\\x{item.hex()}" for item in value.items]
        case Booleans():
            return [None if item is None else "true" if item else "false" for item in value.items]
        case Array():
            return [None if item is None else str(int(item)) for item in value.items]
        case _:
            return value


def _literal(value: Any) -> str:
    items: Any = value
    match value:
        case None:
            return "NULL"
        case bool():
            return "true" if value else "false"
        case int():
            return f"({int(value)})"  # in brackets, as it may have a sign
        case str():
            value.encode()  # a lone surrogate is the caller's mistake, not a syntax error
            return f"E'{_ESCAPED.sub(_escape, value)}'"
        case bytes():
            return rf"E'\\x{value.hex()}'::bytea"
        case Array():
            return f"{_column(value.items)}::{_TYPES[type(value)]}[]"
        case list() | tuple():
            return _column(items) if value else "'{}'"
        case _:
            raise TypeError(f"no statement of ours has a {type(value).__name__} as a value")


def _column(items: Sequence[Any]) -> str:
    # Not as one text: its meaning depends on the session setting array_nulls.
    return f"ARRAY[{', '.join([_literal(item) for item in items])}]"


def _escape(found: re.Match[str]) -> str:
    code = ord(found[0])
    if code >= 0x10000:
        return f"\\U{code:08X}"
    if code >= 0x80:
        return f"\\u{code:04X}"
    return found[0] * 2 if found[0] in "'\\" else f"\\x{code:02X}"


def encodings(driver: Any) -> tuple[str, str] | None:
    """Return the encoding that the server expects, and the one in which the driver writes.

    None where they are the same.
    """
    if (settings := getattr(driver, "get_settings", None)) is not None:  # asyncpg
        present, writes = str(settings().client_encoding), "UTF8"
    else:
        present = str(driver.info.parameter_status("client_encoding"))
        # psycopg asks the connection each time, psycopg2 when it is opened.
        writes = str(getattr(driver, "encoding", "UTF8"))
    return None if _bare(present) == _bare(writes) else (present, writes)


def _bare(encoding: str) -> str:
    return encoding.upper().replace("-", "").replace("_", "")
