"""A real PostgreSQL for the tests: one server a test process, one schema or database a test."""

import asyncio
import os
import tempfile
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from dutiful.engines.postgres import PostgresEngine
from dutiful.servers.postgres import LocalServer, local_server
from tests.servers import version

TEMPLATE = "ready"
"""The database that tests get copies of, and in it the schema of a store that is made already.

To copy it takes a tenth of the time that the migrations take.
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


@pytest.fixture(scope="session")
def postgres_template(postgres: LocalServer) -> LocalServer:
    """The same server, with what tests get copies of."""
    if not os.environ.get("POSTGRES_RUNS"):
        make_template(postgres)
    return postgres


def make_template(server: LocalServer) -> None:
    """Make the database that tests get copies of."""
    with psycopg.connect(server.url(), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {TEMPLATE}".encode())
    with ThreadPoolExecutor(1) as pool:  # the first test that asks may be async
        pool.submit(asyncio.run, _open(server.url(TEMPLATE, schema=TEMPLATE))).result()


async def _open(url: str) -> None:
    engine = PostgresEngine(url)
    await engine.open()
    await engine.close()


@pytest.fixture
def postgres_url(postgres_template: LocalServer, request: pytest.FixtureRequest) -> Iterator[str]:
    """A store that nobody else uses; by way of PgBouncer when POOLER is set."""
    with database(postgres_template, TEMPLATE) as name:
        url = postgres_template.url(name, schema=TEMPLATE)
        if os.environ.get("POOLER"):
            url = request.getfixturevalue("pgbouncer").through(url, pooler="yes")
        yield url


@pytest.fixture
def postgres_database(postgres: LocalServer) -> Iterator[str]:
    """The URL of an empty database of the test's own."""
    with database(postgres) as name:
        yield postgres.url(name)


@contextmanager
def database(server: LocalServer, template: str = "template1") -> Generator[str]:
    """Make a database as a copy of another; it is gone at the end."""
    name = f"db_{uuid4().hex[:12]}"
    with psycopg.connect(server.url(), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}".encode())
    try:
        yield name
    finally:
        with psycopg.connect(server.url(), autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())
