"""Finds the error code of a refused connection: the driver keeps only the server's text.

That text is in the server's language. So the attempt is repeated once with libpq's trace, which
shows the server's answer. An old libpq does not trace so early; then the text is used.
"""

from __future__ import annotations

import re
import select
import tempfile
from time import monotonic

import psycopg
from psycopg import pq
from psycopg.pq.abc import PGconn

from dutiful.core.errors import BadPayload, EngineError

from .errors import CONFIGURATION, refusal_in_words, translate_error

_CODE = re.compile(rb'ErrorResponse\t.*? C "(\w{5})"')
_SECONDS = 3.0
_PASSING = ("08", "40", "53", "55", "57", "58", "XX")
"""Classes of temporary errors; any other is an error of configuration."""
_POOLERS = "08P01"
"""A protocol error; poolers also send it for temporary errors."""


def refused(error: BaseException, conninfo: str, doing: str) -> EngineError | BadPayload:
    """Translate the error of a failed connection into one of Dutiful's."""
    if isinstance(error, psycopg.errors.ConnectionTimeout) or isinstance(error, OSError):
        return translate_error(error, doing)
    state = getattr(error, "sqlstate", None) or code_of_refusal(conninfo)
    if state is None or state == _POOLERS:
        state = refusal_in_words(error)
    if state is not None and state not in CONFIGURATION and state[:2] not in _PASSING:
        state = f"{state[:2]}000" if f"{state[:2]}000" in CONFIGURATION else "refused"
    return translate_error(error, doing, state=state or "08006")


def code_of_refusal(conninfo: str) -> str | None:
    """Try once more and return the server's code; None when there is none."""
    with tempfile.TemporaryFile() as shown:
        connection = pq.PGconn.connect_start(conninfo.encode())
        try:
            if connection.status == pq.ConnStatus.BAD:
                return None
            connection.trace(shown.fileno())
            _finish(connection, monotonic() + _SECONDS)
            connection.untrace()
        except (psycopg.Error, OSError):
            return None
        finally:
            connection.finish()
        shown.seek(0)
        codes = _CODE.findall(shown.read())
    return codes[-1].decode() if codes else None


def _finish(connection: PGconn, until: float) -> None:
    while (left := until - monotonic()) > 0:
        match connection.connect_poll():
            case pq.PollingStatus.READING:
                select.select([connection.socket], [], [], left)
            case pq.PollingStatus.WRITING:
                select.select([], [connection.socket], [], left)
            case _:
                return
