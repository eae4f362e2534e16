"""Statements in the spelling of libraries that know no ``$1``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from typing import Any

from dutiful.engines.postgres.arrays import Array

_PLACE = re.compile(r"""("(?:[^"]|"")*"|E?'(?:[^'\\]|''|\\.)*')|\$(\d+)""")
"""A parameter, or a quoted name or text, in which a parameter may only seem to be."""


@cache
def named(text: str) -> str:
    """Write ``%(p1)s`` for ``$1``.

    >>> named("SELECT $1 % $2")
    'SELECT %(p1)s %% %(p2)s'
    >>> named('SELECT $1 FROM "a$2"')
    'SELECT %(p1)s FROM "a$2"'
    """
    return _PLACE.sub(lambda found: found[1] or f"%(p{found[2]})s", text.replace("%", "%%"))


def by_name(params: Sequence[Any]) -> dict[str, Any]:
    """Name the parameters as `named` does; columns become lists."""
    return {f"p{place}": value for place, value in enumerate(plain(params), 1)}


def plain(params: Sequence[Any]) -> list[Any]:
    """Return the parameters with columns as lists."""
    return [list(value.items) if isinstance(value, Array) else value for value in params]


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
