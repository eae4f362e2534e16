"""A store in a database of its own, as an engine and as an app."""

from collections.abc import AsyncIterator

import pytest

from dutiful import App
from dutiful.engines.postgres import PostgresEngine
from dutiful.testing.conformance.moves import hand


@pytest.fixture
async def engine(postgres_database: str) -> AsyncIterator[PostgresEngine]:
    """The engine with one worker, ``w1``."""
    engine = PostgresEngine(postgres_database)
    await engine.open()
    await engine.fleet.join(hand("w1"))
    yield engine
    await engine.close()


@pytest.fixture
async def app(postgres_url: str) -> AsyncIterator[App]:
    """An app with a task ``charge``."""
    app = App(postgres_url)

    @app.task
    async def charge(order: int) -> None: ...

    await app.open()
    yield app
    await app.close()
