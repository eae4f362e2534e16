"""The SQL of this engine, read once from the files in ``sql``, one for each entity."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from dutiful.engines._sql.migrations import Migration, read
from dutiful.engines._sql.statement_files import StatementTexts, read_statements

_FOLDER = files(__name__.rpartition(".")[0])


def sql(name: str) -> str:
    """Return the statement of that name without its comments; LookupError if there is none."""
    return statements()[name]


@cache
def statements() -> StatementTexts:
    """Return all statements."""
    return read_statements(_FOLDER / "sql")


@cache
def shipped() -> tuple[Migration, ...]:
    """Return the migrations of this release, in order."""
    return read(_FOLDER / "migrations")
