"""A real PostgreSQL for the tests: one server a test process, one schema or database a test."""

import os
import tempfile
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from dutiful.cli.demo.postgres import LocalServer, local_server
from tests.servers import version

TEMPLATE = "ready"
"""Where POSTGRES_RUNS names a server: the database that tests get copies of.

A store is made in it already, in a schema of that name and in the usual one.
"""


def programs() -> Path | None:
    """The programs of the version that POSTGRES names, None for ours."""
    return version.programs(os.environ.get("POSTGRES") or version.OURS)


@pytest.fixture(scope="session")
def postgres() -> Iterator[LocalServer]:
    """The server that the tests of one process share; one that runs, if POSTGRES_RUNS names it."""
    if running := os.environ.get("POSTGRES_RUNS"):
        folder, _, port = running.rpartition(":")
        yield LocalServer(Path(folder), port=int(port), programs=programs())
        return
    with local_server(Path(tempfile.gettempdir()), programs=programs()) as server:
        yield server


@pytest.fixture
def postgres_url(postgres: LocalServer, request: pytest.FixtureRequest) -> Iterator[str]:
    """A schema that nobody else uses; by way of PgBouncer when POOLER is set."""
    if os.environ.get("POSTGRES_RUNS"):
        with database(postgres, _copied()) as name:
            yield postgres.url(name, schema=TEMPLATE)
        return
    url = postgres.url(schema=f"jobs_{uuid4().hex[:12]}")
    if not os.environ.get("POOLER"):
        yield url
        return
    yield request.getfixturevalue("pgbouncer").through(url, pooler="yes")


@pytest.fixture
def postgres_database(postgres: LocalServer) -> Iterator[str]:
    """The URL of a database of the test's own, for what is not bound to a schema."""
    with database(postgres, _copied()) as name:
        yield postgres.url(name)


def _copied() -> str:
    ready = f"TEMPLATE {TEMPLATE} STRATEGY file_copy"
    return ready if os.environ.get("POSTGRES_RUNS") else ""


@contextmanager
def database(server: LocalServer, made: str = "") -> Generator[str]:
    """Make a database, from a template if so told; it is gone at the end."""
    name = f"db_{uuid4().hex[:12]}"
    with psycopg.connect(server.url(), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} {made}".encode())
    yield name
    with psycopg.connect(server.url(), autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())
