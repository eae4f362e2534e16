"""Finds out that somebody in between gives server connections for one transaction only."""

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
    """Raise BadConfiguration when a URL does not tell of the pooler behind it.

    Settings of ours would stay on connections that others are given. A server names its process
    in its greeting; a pooler greets with a number of its own. Whether it lends for a transaction
    or for a session shows only in use, so in a crowd this may go unnoticed.
    """
    if address.pooler or connection.info.backend_pid == _process(connection):
        return
    with connect(address) as other:
        for _ in range(_TRIES):
            mine = _process(connection)
            if mine == _process(other) or mine != _process(connection):
                raise BadConfiguration(f"{address.shown} {_SAID}")


def _process(connection: psycopg.Connection[tuple[object, ...]]) -> object:
    """Return the number of the server's process that answers at this moment."""
    with translated("asking who answers"):
        row = connection.execute("SELECT pg_backend_pid()", prepare=False).fetchone()
    return None if row is None else row[0]
