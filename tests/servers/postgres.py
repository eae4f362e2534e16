"""A real PostgreSQL for the tests: one server a test process, one schema or database a test."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from dutiful.cli.demo.postgres import LocalServer, local_server
from tests.servers import version


def programs() -> Path | None:
    """The programs of the version that POSTGRES names, None for ours."""
    return version.programs(os.environ.get("POSTGRES") or version.OURS)


@pytest.fixture(scope="session")
def postgres() -> Iterator[LocalServer]:
    """The server that the tests of one process share."""
    with local_server(Path(tempfile.gettempdir()), programs=programs()) as server:
        yield server


@pytest.fixture
def postgres_url(postgres: LocalServer, request: pytest.FixtureRequest) -> str:
    """A schema that nobody else uses; by way of PgBouncer when POOLER is set."""
    url = postgres.url(schema=f"jobs_{uuid4().hex[:12]}")
    if not os.environ.get("POOLER"):
        return url
    through: str = request.getfixturevalue("pgbouncer").through(url, pooler="yes")
    return through


@pytest.fixture
def postgres_database(postgres: LocalServer) -> Iterator[str]:
    """The URL of a database of the test's own, for what is not bound to a schema."""
    name = f"db_{uuid4().hex[:12]}"
    with psycopg.connect(postgres.url(), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    yield postgres.url(name)
    with psycopg.connect(postgres.url(), autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())
