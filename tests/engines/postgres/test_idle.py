"""Workers without work leave the server alone."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import psycopg
import pytest

from dutiful import App
from dutiful.worker.options import WorkerOptions
from dutiful.worker.worker import Worker

WORKERS = 10
SECONDS = 20.0
"""So long that what a worker asks every twenty seconds is counted too."""
PER_SECOND_MOST = 15.0


@pytest.fixture
async def idle(postgres_url: str) -> AsyncIterator[list[App]]:
    """Ten workers as ten processes would be: each with an app and connections of its own."""
    apps = [App(postgres_url) for _ in range(WORKERS)]
    for app in apps:
        await app.open()
    workers = [Worker(app, WorkerOptions()) for app in apps]
    running = [asyncio.create_task(worker.run()) for worker in workers]
    yield apps
    for worker in workers:
        worker.stop()
    await asyncio.gather(*running)
    for app in apps:
        await app.close()


@pytest.mark.slow
async def test_ten_idle_workers_ask_little(
    idle: list[App], monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    execute, aexecute = psycopg.RawCursor.execute, psycopg.AsyncRawCursor.execute

    def counted(self: Any, query: Any, *rest: Any, **named: Any) -> Any:
        said.append(str(query).split("\n", 1)[0])
        return execute(self, query, *rest, **named)

    def acounted(self: Any, query: Any, *rest: Any, **named: Any) -> Any:
        said.append(str(query).split("\n", 1)[0])
        return aexecute(self, query, *rest, **named)

    await asyncio.sleep(4)  # until all listen, sleep and have renewed once
    monkeypatch.setattr(psycopg.RawCursor, "execute", counted)
    monkeypatch.setattr(psycopg.AsyncRawCursor, "execute", acounted)
    await asyncio.sleep(SECONDS)
    monkeypatch.undo()
    rate = len(said) / SECONDS
    print(f"{rate:.1f} statements a second of {WORKERS} idle workers: {sorted(set(said))}")
    assert rate <= PER_SECOND_MOST
