"""Writes into a store's tables as any other program may: by SQL, past every rule."""

from __future__ import annotations

import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, LiteralString, cast
from urllib.parse import parse_qs, urlsplit

import psycopg

from tests.fuzz.store_values import NotText, Plant

_ROW = {
    "job": "id",
    "failure": "seq",
    "step": "seq",
    "job_log": "seq",
    "schedule": "name",
    "occurrence": "job_id",
    "edition": "digest",
    "worker": "id",
    "alert": "key",
    "activity": "name",
}
"""By what a row of each table is found."""
_TWINS = 3
"""Below this, `Plant.twin` asks for something."""


class Tables(ABC):
    """The tables of one store."""

    @abstractmethod
    def run(self, text: str, *params: Any) -> list[Any]:
        """Run a statement in a transaction of its own; an error is the driver's."""

    @abstractmethod
    def close(self) -> None:
        """Close the connection."""

    @abstractmethod
    def columns(self, table: str) -> list[tuple[str, str]]:
        """Name a table's columns, each with its type where that holds."""

    @abstractmethod
    def name(self, table: str) -> str:
        """Spell a table's name."""

    @abstractmethod
    def holder(self, value: Any) -> tuple[str, Any]:
        """Spell a value in SQL, with its parameter."""

    def change(self, table: str, what: str, where: str, *params: Any) -> None:
        """Change rows of a table."""
        self.run(f"UPDATE {table} SET {what} WHERE {where}", *params)  # noqa: S608 - our names

    def select(
        self, table: str, what: str, where: str = "true", *params: Any, explain: bool = False
    ) -> list[Any]:
        """Read rows of a table, or how they would be found."""
        text = f"SELECT {what} FROM {table} WHERE {where}"  # noqa: S608 - our names
        return self.run(f"EXPLAIN {text}" if explain else text, *params)

    def plant(self, plant: Plant, rows: Sequence[Any]) -> bool:
        """Write one value; False when the database does not take it."""
        key = _ROW[plant.table]
        left = ("seq", "due_at")
        columns = [one for one in self.columns(plant.table) if one[0] not in left]
        (column, kind), row = columns[plant.column % len(columns)], rows[plant.place % len(rows)]
        sign, value = self.holder(plant.value(kind))
        mark, _ = self.holder(0)
        table, where = self.name(plant.table), f"{key} = {mark}"
        try:
            if plant.table == "job" and plant.running:
                self.change(table, "state = 2, worker = 'nobody', started_at = 1", where, row)
            self.change(table, f"{column} = {sign}", where, value, row)
            if plant.table == "job" and plant.twin < _TWINS:
                self._twin(plant, row, rows[(plant.place + 1) % len(rows)])
        except (sqlite3.Error, psycopg.Error, OverflowError, UnicodeEncodeError, ValueError):
            return False
        return True

    def _twin(self, plant: Plant, one: Any, other: Any) -> None:
        """Make a row such that the database refuses to move it."""
        table, (mark, _) = self.name("job"), self.holder(0)
        if plant.twin == 0:
            what = f"state = 0, run_at = 1, priority = {(-(2**15), 2**15 - 1)[plant.number % 2]}"
            self.change(table, what, f"id = {mark}", one)
            return
        states = plant.number % 128
        held = f"unique_key = 'k{states % 4}', unique_states = {states}, run_at = 1"
        for place, row in enumerate((one, other)):
            state = (plant.kind >> place) & 1
            self.change(table, f"{held}, state = {state}", f"id = {mark}", row)


class SqliteTables(Tables):
    """Of a file."""

    def __init__(self, path: str) -> None:
        self._connection = sqlite3.connect(path, timeout=30, isolation_level=None)
        self._connection.text_factory = bytes

    def run(self, text: str, *params: Any) -> list[Any]:
        return self._connection.execute(text, params).fetchall()

    def close(self) -> None:
        self._connection.close()

    def columns(self, table: str) -> list[tuple[str, str]]:
        rows = self._connection.execute(f"PRAGMA table_info({self.name(table)})").fetchall()
        return [(row[1].decode(), "") for row in rows]

    def name(self, table: str) -> str:
        return f"dutiful_{table}"

    def holder(self, value: Any) -> tuple[str, Any]:
        return ("CAST(? AS TEXT)", value.raw) if isinstance(value, NotText) else ("?", value)


class PostgresTables(Tables):
    """Of a schema; a value of another type than the column's is cast if it can be."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        query = parse_qs(parts.query)
        self._schema = query.pop("schema")[0]
        rest = "&".join(f"{name}={value[0]}" for name, value in query.items())
        self._connection = psycopg.connect(parts._replace(query=rest).geturl(), autocommit=True)

    def run(self, text: str, *params: Any) -> list[Any]:
        cursor = self._connection.execute(cast(LiteralString, text), params)
        return cursor.fetchall() if cursor.description else []

    def close(self) -> None:
        self._connection.close()

    def columns(self, table: str) -> list[tuple[str, str]]:
        return self.run(
            "SELECT column_name, data_type FROM information_schema.columns "
            "WHERE table_schema = %s AND table_name = %s AND is_generated = 'NEVER'",
            self._schema,
            table,
        )

    def name(self, table: str) -> str:
        return f'"{self._schema}"."{table}"'

    def holder(self, value: Any) -> tuple[str, Any]:
        return ("%s", value.raw) if isinstance(value, NotText) else ("%s", value)
