"""Apps whose spans a test can look at."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from dutiful import App
from tests.tracing.spans import Spans


@pytest.fixture
def spans() -> Spans:
    return Spans()


@pytest.fixture(params=["memory", "sqlite"])
async def app(request: pytest.FixtureRequest, tmp_path: Path, spans: Spans) -> AsyncIterator[App]:
    url = "memory://" if request.param == "memory" else f"sqlite:///{tmp_path}/jobs.db"
    async with App(url) as made:
        made.traces.export(spans.provider)
        yield made
