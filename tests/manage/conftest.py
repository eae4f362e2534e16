"""Apps on every engine, for async tests and for sync ones."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from dutiful import App, Context, Discard, Retry
from dutiful.core.queue import served
from tests.worker.support import burst


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "postgres":
        found: str = request.getfixturevalue("postgres_url")
        return found
    return "memory://" if request.param == "memory" else f"sqlite:///{tmp_path}/jobs.db"


def shop(url: str) -> App:
    """Make an app with tasks that succeed, fail and record steps."""
    app = App(url)

    @app.task(queue="mail", retry=Retry(max_attempts=3))
    async def mail(to: str, copies: int = 1) -> dict[str, int]:
        return {to: copies}

    @app.task(retry=Retry(max_attempts=1))
    async def charge(order: int, ctx: Context) -> None:
        await ctx.step("reserve", _reserve, order)
        raise ValueError(f"no card for order {order}")

    @app.task(retry=Retry(max_attempts=2, delay="1h", jitter="none"))
    async def later() -> None:
        raise TimeoutError("too slow")

    @app.task
    async def never() -> None:
        raise Discard("not wanted")

    return app


async def _reserve(order: int) -> dict[str, int]:
    return {"order": order}


@pytest.fixture
async def app(url: str) -> AsyncIterator[App]:
    async with shop(url) as made:
        yield made


@pytest.fixture
def sync_app(url: str) -> Iterator[App]:
    """An app that no event loop of a test has touched."""
    made = shop(url)
    yield made
    made.portal.run(made.store.engine.close())
    made.portal.close()


async def run_all(app: App) -> None:
    """Run everything that is due."""
    await burst(app, queues=served("mail,default,slow"))
