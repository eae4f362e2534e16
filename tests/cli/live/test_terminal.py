"""`dutiful top` on a real terminal, over real stores with a worker that runs."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import psycopg
import pytest

from dutiful import App, Retry
from dutiful.core.instant import SECOND
from dutiful.core.lease import Lease
from tests.until import until
from tests.worker.support import queues, serving

from .on_terminal import ENTER, on_terminal

BRISK = Lease(length=5 * SECOND, heartbeat=SECOND // 20)
DOWN, TAB, ESCAPE, CTRL_C, CTRL_Z = "\x1b[B", "\t", "\x1b", "\x03", "\x1a"


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "postgres":
        found: str = request.getfixturevalue("postgres_url")
        return found
    return f"sqlite:///{tmp_path}/jobs.db"


@pytest.fixture
async def app(url: str) -> AsyncIterator[App]:
    """An app with a job that runs, one that died, and one that waits."""
    app = App(url)

    @app.task(queue="billing", retry=Retry(max_attempts=1))
    async def charge(card: str) -> None:
        raise ValueError(f"no funds on \x1b[31m{card}")

    @app.task(queue="reports")
    async def build_report() -> None:
        await asyncio.Event().wait()

    async with app:
        yield app


async def test_keys_pause_a_queue_open_a_job_and_drain_a_worker(url: str, app: App) -> None:
    charge, build_report = app.tasks["charge"], app.tasks["build_report"]
    async with serving(app, lease=BRISK, queues=queues("billing", "reports")) as worker:
        await charge.aenqueue("card-4711")
        await build_report.aenqueue()
        async with on_terminal("--url", url) as screen:
            await screen.shows("▸ billing", "QUEUES", "serving", "build_report", "dead", "no funds")
            screen.press("p")
            await screen.shows("Pause queue billing?", "[y/N]")
            screen.press("n")
            await screen.shows("Nothing was changed.")
            assert not any(one.paused for one in await app.queues.alist())
            screen.press("py")
            await screen.shows("Queue billing is paused.")
            assert [one.name for one in await app.queues.alist() if one.paused] == ["billing"]
            screen.press("py")
            await screen.shows("Queue billing is open.")

            screen.press(TAB + TAB + "\r")
            await screen.shows("Job ", "attempt 1", r"no funds on \x1b[31mcard-4711", "card-4711")
            screen.press(ESCAPE)
            await screen.shows("WORKERS")

            screen.press("\x1b[Z" + "d")
            await screen.shows("Drain worker", "[y/N]")
            screen.press("y")
            await screen.shows("drain ordered")
            await until(lambda: worker.health().ready is False)
            screen.press("q")
            assert await screen.ended() == 0
            await until(lambda: screen.restored)
    assert "\x1b[31mcard" not in screen.output


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
async def test_a_failed_job_is_retried(url: str, app: App) -> None:
    async with serving(app, lease=BRISK, queues=queues("billing")):
        job = await app.tasks["charge"].aenqueue("card-1")
        async with on_terminal("--url", url) as screen:
            await screen.shows("1/1 dead")
            screen.press(TAB + TAB + "r")
            await screen.shows("Retry job")
            screen.press("y")
            await screen.shows("redriven, was dead")
            assert (await app.jobs.aget(job.id)).redriven_at is not None


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("end", [CTRL_C, signal.SIGTERM, signal.SIGHUP])
async def test_the_terminal_is_given_back_at_any_end(url: str, app: App, end: str | int) -> None:
    async with on_terminal("--url", url) as screen:
        await screen.shows("Dutiful", "All is well")
        assert not screen.restored
        if isinstance(end, str):
            screen.press(end)
        else:
            os.kill(screen.process.pid, end)
        assert await screen.ended() == 0
        await until(lambda: screen.restored)


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
async def test_ctrl_z_gives_the_terminal_back_until_the_screen_goes_on(url: str, app: App) -> None:
    async with on_terminal("--url", url) as screen:
        await screen.shows("All is well")
        # A process whose parent is in another session is not stopped by Ctrl-Z; SIGSTOP stops it.
        screen.press(CTRL_Z)
        await until(lambda: screen.output.count(ENTER) >= 2)
        os.kill(screen.process.pid, signal.SIGSTOP)
        os.kill(screen.process.pid, signal.SIGCONT)
        await until(lambda: screen.output.count(ENTER) >= 3)
        screen.resize(120, 40)
        await until(lambda: len(screen.lines) == 40)
        screen.resize(80, 24)
        await until(lambda: len(screen.lines) == 24)
        screen.press("q")
        assert await screen.ended() == 0
        await until(lambda: screen.restored)


def move(folder: Path, before: str, after: str) -> None:
    for path in [*folder.glob(f"{before}*")]:
        path.rename(folder / path.name.replace(before, after))


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
async def test_two_screens_and_a_store_that_goes_away(url: str, app: App, tmp_path: Path) -> None:
    async with on_terminal("--url", url) as one, on_terminal("--url", url) as two:
        await one.shows("All is well")
        await two.shows("All is well")
        await app.close()
        move(tmp_path, "jobs.db", "gone.db")
        await one.shows("trying again")
        move(tmp_path, "gone.db", "jobs.db")
        await one.shows("All is well")
        await two.shows("All is well")
        one.press("q")
        assert await one.ended() == 0


@pytest.mark.parametrize("url", ["postgres"], indirect=True)
async def test_a_server_that_cuts_all_connections_is_asked_again(url: str, app: App) -> None:
    async with on_terminal("--url", url) as screen:
        await screen.shows("All is well")
        with psycopg.connect(app.store.engine.session.address.conninfo, autocommit=True) as server:
            server.execute(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
                "WHERE application_name = 'dutiful' AND datname = current_database()"
            )
        await app.tasks["charge"].aenqueue("card-1")
        await screen.shows("1 job waits in billing, which no worker serves")
        screen.press("q")
        assert await screen.ended() == 0
        await until(lambda: screen.restored)
