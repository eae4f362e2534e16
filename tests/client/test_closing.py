"""An app that is closed leaves no thread and no open file behind."""

import asyncio
import os
import threading
import time
from pathlib import Path

import pytest

from dutiful import App


def threads() -> int:
    return sum(thread.name.startswith("dutiful") for thread in threading.enumerate())


def files() -> int:
    return len(os.listdir("/proc/self/fd"))


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="capability: /proc")
@pytest.mark.parametrize("engine", ["sqlite", "memory", "postgresql"])
def test_fast_opening_and_closing(
    request: pytest.FixtureRequest, tmp_path: Path, engine: str
) -> None:
    url = "memory://" if engine == "memory" else f"sqlite:///{tmp_path}/jobs.db"
    times = 60
    if engine == "postgresql":
        url, times = str(request.getfixturevalue("postgres_url")), 20

    async def cycle(n: int) -> None:
        async with App(url) as app:

            @app.task
            def note(n: int) -> None: ...

            handle = await note.aenqueue(n)
            assert await handle.astatus() == "queued"

    def sync_cycle(n: int) -> None:
        app = App(url)

        @app.task
        def note(n: int) -> None: ...

        assert note.enqueue(n).status() == "queued"
        asyncio.run(app.close())

    async def cycles() -> None:
        for n in range(times):
            await cycle(n)

    sync_cycle(0)
    before = threads(), files()
    asyncio.run(cycles())
    for n in range(times // 2):
        sync_cycle(n)
    end = time.monotonic() + 40  # those who read hear of it soon, and idle threads wait for 10 s
    while threads() > before[0] and time.monotonic() < end:
        time.sleep(0.01)
    assert threads() <= before[0]
    assert files() <= before[1] + 2
