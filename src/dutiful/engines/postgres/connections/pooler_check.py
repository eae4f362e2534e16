"""Detects a pooler that lends server connections for one transaction only."""

from __future__ import annotations

import psycopg

from dutiful.core.errors import BadConfiguration

from .address import Address
from .connection import Connection, connect
from .errors import translated

_TRIES = 5
_SAID = (
    "is a pooler that lends server connections for one transaction only, such as PgBouncer in "
    "transaction mode: notifications and prepared statements are lost in it; add pooler=yes to "
    "the URL, or use session mode"
)


def refuse_transaction_pooler(address: Address, connection: Connection) -> None:
    """Raise BadConfiguration for such a pooler if the URL does not say that there is one.

    Otherwise our settings would stay on connections that other clients get. A server sends the
    number of its process when a connection begins; a pooler sends a number of its own. Whether it
    lends connections for a transaction or for a session shows only in use, so with many clients
    it may not be detected.
    """
    if address.pooler or connection.info.backend_pid == _process(connection):
        return
    with connect(address) as other:
        for _ in range(_TRIES):
            mine = _process(connection)
            if mine == _process(other) or mine != _process(connection):
                raise BadConfiguration(f"{address.shown} {_SAID}")


def _process(connection: psycopg.Connection[tuple[object, ...]]) -> object:
    """Return the number of the server process that answers now."""
    with translated("asking who answers"):
        row = connection.execute("SELECT pg_backend_pid()", prepare=False).fetchone()
    return None if row is None else row[0]
