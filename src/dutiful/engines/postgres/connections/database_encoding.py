"""The encoding of a database, and what happens to characters that the encoding lacks.

Our connections use UTF-8, which the server converts to the database's encoding. Arguments and
results are bytes and can hold every character. A text that the application chose (a name, a key, a
tag) is refused if the encoding lacks one of its characters; in an error's text such a character is
written as an escape.
"""

from __future__ import annotations

import codecs
from contextlib import suppress
from typing import Any

import psycopg

from dutiful.core.errors import StoreUnusable

from .address import Address

_UNREADABLE = ("SQL_ASCII", "MULE_INTERNAL")
"""SQL_ASCII keeps any bytes that clients send; MULE_INTERNAL cannot be converted to UTF-8."""
_PREFIXES = ("", "ISO8859_", "CP", "KOI8_")


def refuse_encoding(
    connection: psycopg.Connection[Any] | psycopg.AsyncConnection[Any], address: Address
) -> None:
    """Raise StoreUnusable for a database whose encoding does not define what its texts mean."""
    encoding = encoding_of(connection)
    if encoding in _UNREADABLE:
        connection.pgconn.finish()
        raise StoreUnusable(
            f"the database of {address.shown} has the encoding {encoding}, which does not "
            "define what its texts mean; create a database with ENCODING 'UTF8' TEMPLATE template0"
        )


def encoding_of(connection: psycopg.Connection[Any] | psycopg.AsyncConnection[Any]) -> str:
    """Return the server's name for the encoding of a connection's database."""
    return connection.info.parameter_status("server_encoding") or "UTF8"


def codec_of(encoding: str) -> str:
    """Return Python's name for one of the server's encodings; ASCII where it has none.

    >>> codec_of("UTF8"), codec_of("LATIN1"), codec_of("WIN1252"), codec_of("EUC_JIS_2004")
    ('utf-8', 'iso8859-1', 'cp1252', 'euc_jis_2004')
    """
    bare = encoding.removeprefix("WIN").removeprefix("ISO_8859_").removeprefix("KOI8")
    for name in (encoding, *[f"{prefix}{bare}" for prefix in _PREFIXES]):
        with suppress(LookupError):
            return codecs.lookup(name).name
    return "ascii"
