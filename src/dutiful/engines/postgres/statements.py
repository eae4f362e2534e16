"""The SQL of this engine, read from the files in ``sql`` and written for one schema."""

from __future__ import annotations

import re
from functools import cache, cached_property
from importlib.resources import files
from itertools import count
from typing import Any, LiteralString

from dutiful.engines._sql.migrations import Migration, read
from dutiful.engines._sql.statement_files import StatementTexts, read_statements

_FOLDER = files(__name__.rpartition(".")[0])
_NOW = "(SELECT (extract(epoch FROM statement_timestamp()) * 1000000::numeric)::bigint)"
"""In a sub-select, so that it is evaluated once for each statement, not for each row."""
_PLACE = re.compile(r"\{([a-z]+)\}|\$\$")


class Texts:
    """The statements for one schema; ``texts("claim")`` is that of ``-- name: claim``."""

    def __init__(self, schema: str, migrations: tuple[Migration, ...] | None = None) -> None:
        """Take a schema's unquoted name, and migrations other than those of this release."""
        self.schema = schema
        self.migrations = shipped() if migrations is None else migrations
        self.channel = channel(schema)
        self.codec = "utf-8"
        """Python's name for the encoding of the database."""
        self._texts: dict[str, str] = {}

    def __call__(self, name: str) -> str:
        """Return a statement without its comments."""
        text = self._texts.get(name)
        if text is None:
            text = self._texts[name] = self.fill(bare(name))
        return text

    @cached_property
    def quoted(self) -> str:
        """The schema's name, quoted for SQL."""
        return quoted(self.schema)

    def fill(self, text: str, **more: str) -> str:
        """Replace the placeholders for the schema, the job table, the clock and the channel.

        Table, sequences and channel are inserted as text, for functions that take a name. ``more``
        adds placeholders of the caller, whose texts may hold the other ones. Everything is replaced
        in one pass, so a schema's name is never read as a placeholder. Function bodies get a quote
        that does not occur in the name.
        """
        if more:
            text = _PLACE.sub(lambda found: more.get(found[1] or "", found[0]), text)
        return _PLACE.sub(lambda found: self._parts.get(found[0], found[0]), text)

    @cached_property
    def _parts(self) -> dict[str, str]:
        tag = next(tag for tag in map(_tag, count()) if tag not in self.quoted)
        return {
            "{schema}": self.quoted,
            "{now}": _NOW,
            "{job}": literal(f"{self.quoted}.job"),
            "{sequence}": literal(f"{self.quoted}.job_seq_seq"),
            "{prepared}": literal(f"{self.quoted}.prepared"),
            "{channel}": literal(self.channel),
            "$$": tag,
        }


def trusted(text: str) -> LiteralString:
    """Mark a text as literal for the driver's types: all come from this engine's own files."""
    ours: Any = text
    vouched: LiteralString = ours
    return vouched


def quoted(name: str) -> str:
    """Quote any name for SQL."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Write a text as an SQL literal, also where ``standard_conforming_strings`` is off."""
    doubled = text.replace("'", "''")
    if "\\" not in text:
        return f"'{doubled}'"
    return "E'" + doubled.replace("\\", "\\\\") + "'"


def channel(schema: str) -> str:
    """Return the name under which a schema's workers listen, within PostgreSQL's 63 bytes."""
    return f"dutiful:{schema}"[:63]


@cache
def shipped() -> tuple[Migration, ...]:
    """Return the migrations of this release, in order."""
    return read(_FOLDER / "migrations")


@cache
def statements() -> StatementTexts:
    """Return all statements without their comments, with placeholders for the schema."""
    return read_statements(_FOLDER / "sql")


def bare(name: str) -> str:
    """Return a statement as its file has it, without its comments; LookupError if unknown."""
    return statements()[name]


def _tag(number: int) -> str:
    return "$dutiful$" if number == 0 else f"$dutiful{number}$"
