"""Connections of psycopg2, for libraries that still use it."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from dutiful.engines._sql.statement import Answer, Execute, Statement

from .refusals import translated
from .sql_text import spelled

_READ = ("INTEGER", "LONGINTEGER", "UNICODE", "UNICODEARRAY", "BOOLEAN")
"""The readers for the types of our answers, by the driver's name."""


def executor(driver: Any) -> Execute:
    """Return a function that runs statements without the adapters of the process."""
    extensions: Any = import_module("psycopg2.extensions")
    error: type[Exception] = import_module("psycopg2").Error
    cursor = driver.cursor(cursor_factory=extensions.cursor)
    for name in _READ:
        extensions.register_type(getattr(extensions, name), cursor)

    def execute(statement: Statement) -> Answer:
        with translated(error):
            cursor.execute(spelled(statement.text, statement.params))
            rows: list[Any] = cursor.fetchall() if cursor.description else []
            return Answer(rows, len(rows))

    return execute
