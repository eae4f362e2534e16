"""The tests ran on the server that was asked for, and it understands every statement."""

import os
from collections.abc import AsyncIterator

import psycopg
import pytest
from psycopg.pq import ExecStatus

from dutiful.engines.postgres import PostgresEngine
from dutiful.engines.postgres.statements import bare, statements
from tests.servers.version import OURS

TEMPLATES = {"find", "probe"}
"""Filled in with what is looked for, so that the inspector's tests hold them."""


@pytest.fixture
async def engine(postgres_url: str) -> AsyncIterator[PostgresEngine]:
    engine = PostgresEngine(postgres_url)
    await engine.open()
    yield engine
    await engine.close()


def test_the_server_is_of_the_version_that_was_asked_for(postgres_url: str) -> None:
    wanted = os.environ.get("POSTGRES") or OURS
    if os.sep in wanted:
        pytest.skip(f"peer: {wanted} says no version")
    with psycopg.connect(postgres_url.partition("?")[0]) as connection:
        assert connection.info.server_version // 10_000 == int(wanted)


def test_what_stores_jobs_by_their_keys_stores_them_as_the_plain_statement_does() -> None:
    """They are two, so that only batches with several keys are numbered and sorted by hand."""
    keyed = bare("enqueue_keys").splitlines()
    keyed.remove("    nextval({sequence}::regclass) AS seq,")
    keyed.remove('  ORDER BY unique_key COLLATE "C", now / period, id COLLATE "C"')
    assert [line for line in keyed if line != "    seq,"] == bare("enqueue").splitlines()


async def test_the_server_can_prepare_every_statement(engine: PostgresEngine) -> None:
    names = set(statements())
    refused = {}
    with psycopg.connect(engine.session.address.conninfo, autocommit=True) as connection:
        for name in names - TEMPLATES:
            answer = connection.pgconn.prepare(b"", engine.session.sql(name).encode())
            if answer.status != ExecStatus.COMMAND_OK:
                refused[name] = answer.error_message.decode()
    assert names > TEMPLATES
    assert not refused
