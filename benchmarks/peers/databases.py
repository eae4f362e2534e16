"""Where the jobs of one system are kept, with a copy of it for every stage.

``installed`` has the system's empty tables, ``filled`` its backlog; each stage gets a fresh copy of
one of them, so that no stage meets what another has left.
"""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import psycopg

from dutiful.servers.postgres import LocalServer


class PostgresDatabase:
    """Databases of one server, copied with ``TEMPLATE``."""

    def __init__(self, name: str, server: LocalServer) -> None:
        """Take the databases of this name."""
        self._name = name.replace("-", "_")
        self._server = server
        self._admin = psycopg.connect(server.url(), autocommit=True)

    def make(self, label: str, source: str | None = None) -> str:
        """Make a database again, empty or as a copy, and return its URL."""
        name = f"{self._name}_{label}"
        template = f"{self._name}_{source}" if source else "template0"
        self._admin.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        self._admin.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        # What this wrote must not be flushed during the measurement.
        self._admin.execute("CHECKPOINT")
        return self._server.url(name)

    def count(self, url: str, query: str) -> int:
        """Return the number that a query answers."""
        with closing(psycopg.connect(url, autocommit=True)) as connection:
            row = connection.execute(query).fetchone()
        assert row is not None
        return int(row[0])

    def server_pid(self) -> int | None:
        """Return the process whose processor time counts as the server's."""
        return int((self._server.data / "postmaster.pid").read_text().splitlines()[0])

    def close(self) -> None:
        """Drop the databases."""
        for label in ("installed", "filled", "run"):
            self._admin.execute(f"DROP DATABASE IF EXISTS {self._name}_{label} WITH (FORCE)")
        self._admin.close()


class SqliteDatabase:
    """Folders with one file of SQLite and what belongs to it."""

    def __init__(self, name: str, folder: Path) -> None:
        """Take the folders of this name."""
        self._folder = folder / name

    def make(self, label: str, source: str | None = None) -> str:
        """Make a folder again, empty or as a copy, and return the URL of its file."""
        folder = self._folder / label
        shutil.rmtree(folder, ignore_errors=True)
        if source:
            shutil.copytree(self._folder / source, folder)
        else:
            folder.mkdir(parents=True)
        return f"sqlite:///{folder}/jobs.db"

    def count(self, url: str, query: str) -> int:
        """Return the number that a query answers."""
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"), timeout=30)) as connection:
            return int(connection.execute(query).fetchone()[0])

    def server_pid(self) -> int | None:
        """Return nothing: SQLite works in the worker's own process."""
        return None

    def close(self) -> None:
        """Remove the folders."""
        shutil.rmtree(self._folder, ignore_errors=True)


Database = PostgresDatabase | SqliteDatabase
