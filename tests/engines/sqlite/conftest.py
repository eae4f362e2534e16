"""One engine on a file of its own."""

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from dutiful.engines.sqlite import SqliteEngine


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "jobs.db"


@pytest.fixture
async def engine(path: Path) -> AsyncGenerator[SqliteEngine]:
    engine = SqliteEngine(path)
    await engine.open()
    yield engine
    await engine.close()
