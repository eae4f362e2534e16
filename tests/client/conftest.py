"""Apps on a store of each test's own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from dutiful import App


@pytest.fixture
async def app() -> AsyncIterator[App]:
    async with App("memory://") as made:
        yield made


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/jobs.db"


@pytest.fixture
def sync_app(url: str) -> Iterator[App]:
    """An app that no event loop has touched."""
    made = App(url)
    yield made
    made.portal.run(made.store.engine.close())
    made.portal.close()
