"""A store that lacks migrations of our own making, and processes that apply them."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

from dutiful.engines._sql.migrations import Migration, read
from dutiful.engines.postgres import statements
from dutiful.engines.postgres.connections.address import Address, address_of
from dutiful.engines.postgres.schema.migration import migrate
from dutiful.engines.postgres.statements import Texts

SHIPPED = Path(statements.__file__).parent / "migrations"
WIDER = "ALTER TABLE {schema}.job ADD COLUMN extra text"
INDEX = "CREATE INDEX CONCURRENTLY IF NOT EXISTS job_extra ON {schema}.job (task)"
SLIM = "ALTER TABLE {schema}.job DROP COLUMN parked_at"

_CHILD = """
import sys
from pathlib import Path
from dutiful.engines._sql.migrations import read
from dutiful.engines.postgres.connections.address import address_of
from dutiful.engines.postgres.schema.migration import migrate
from dutiful.engines.postgres.statements import Texts

address = address_of(sys.argv[1])
print(*migrate(address, Texts(address.schema, read(Path(sys.argv[2])))))
"""


class Planted:
    """One schema, migrated as shipped, and a folder with more."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url = url
        self.address: Address = address_of(url)
        self.schema = self.address.schema
        self.folder = folder
        shutil.copytree(SHIPPED, folder)
        self.number = self.texts().migrations[-1].number
        self.migrate()

    def plant(self, name: str, text: str) -> str:
        """Add a migration and return its name."""
        self.number += 1
        full = f"{self.number:04d}_{name}"
        (self.folder / f"{full}.sql").write_text(f"{text};\n")
        return full

    @property
    def migrations(self) -> tuple[Migration, ...]:
        return read(self.folder)

    def texts(self) -> Texts:
        return Texts(self.schema, self.migrations)

    def migrate(self, *, contract: bool = False) -> tuple[str, ...]:
        return migrate(self.address, self.texts(), contract=contract)

    def child(self) -> subprocess.Popen[str]:
        """Start a process that migrates."""
        return subprocess.Popen(
            [sys.executable, "-c", _CHILD, self.url, str(self.folder)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def connect(self, **options: Any) -> psycopg.Connection[Any]:
        connection = psycopg.connect(self.address.conninfo, autocommit=True, **options)
        connection.execute(f"SET search_path TO {self.schema}".encode())
        return connection

    def ask(self, query: str, *params: Any) -> list[Any]:
        with self.connect() as connection:
            return connection.execute(query.encode(), params).fetchall()

    def insert(self, connection: psycopg.Connection[Any]) -> None:
        """Write to the table as anybody does."""
        connection.execute("SELECT enqueue('t')")

    def applied(self) -> list[str]:
        return [name for (name,) in self.ask("SELECT name FROM migration ORDER BY number")]

    def building(self) -> bool:
        """Whether a session waits for others while it builds an index."""
        return self.waiting("CREATE %INDEX CONCURRENTLY")

    def waiting(self, start: str, seconds: float = 0) -> bool:
        """Whether a session's statement waits for a lock, for so long already."""
        query = (
            "SELECT 1 FROM pg_stat_activity WHERE query ILIKE %s AND wait_event_type = 'Lock'"
            " AND query_start < clock_timestamp() - make_interval(secs => %s)"
        )
        return bool(self.ask(query, f"{start}%{self.schema}%", seconds))

    def index(self, name: str = "job_extra") -> list[bool]:
        """Whether an index is valid; empty when there is none."""
        return [
            valid
            for (valid,) in self.ask(
                "SELECT indisvalid FROM pg_index JOIN pg_class AS c ON c.oid = indexrelid "
                "WHERE relname = %s AND relnamespace = %s::regnamespace",
                name,
                self.schema,
            )
        ]

    @contextmanager
    def writing(self) -> Iterator[psycopg.Connection[Any]]:
        """Hold a transaction open that has written to the job table."""
        with self.connect(application_name="slow-report") as connection:
            with connection.transaction(force_rollback=True):
                self.insert(connection)
                yield connection


def kill(process: subprocess.Popen[str]) -> None:
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()


def ended(process: subprocess.Popen[str]) -> str:
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    return out.strip()
