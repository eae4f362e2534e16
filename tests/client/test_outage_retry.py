"""An enqueue that could not be stored is tried again with patience, and stores one job."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

import pytest

from dutiful import App, EngineUnavailable, ReplyUnknown
from dutiful.contract.roles.producer import Receipt
from dutiful.core.errors import BadConfiguration, BadOption
from dutiful.core.job import NewJob
from dutiful.engines.memory import MemoryEngine
from tests.flat import Flat


class Flawed(Flat):
    """Is away for the first calls, or stores and loses their replies."""

    def __init__(self, *, away: int = 0, lost: int = 0, shut: int = 0) -> None:
        super().__init__()
        self.away = away
        self.lost = lost
        self.shut = shut
        self.calls = 0

    async def open(self, *, create: bool = True) -> tuple[str, ...]:
        if self.shut:
            self.shut -= 1
            raise EngineUnavailable("the server starts")
        return await super().open(create=create)

    async def enqueue(self, jobs: Sequence[NewJob]) -> tuple[Receipt, ...]:
        return self.enqueue_sync(jobs)

    def enqueue_sync(self, jobs: Sequence[NewJob]) -> tuple[Receipt, ...]:
        self.calls += 1
        if self.lost:
            self.lost -= 1
            super().enqueue_sync(jobs)
            raise ReplyUnknown("the connection failed")
        if self.away:
            self.away -= 1
            raise EngineUnavailable("no server answers")
        return super().enqueue_sync(jobs)


def app_on(engine: MemoryEngine, **settings: object) -> App:
    app = App(engine=engine, **settings)
    app.task(name="note")(note)
    return app


def note() -> None: ...


FLAWS = [{"away": 2}, {"lost": 2}, {"shut": 2}, {"lost": 1, "away": 1, "shut": 1}]


@pytest.mark.parametrize("flaws", FLAWS)
def test_a_sync_enqueue_waits_out_an_outage(flaws: dict[str, int]) -> None:
    engine = Flawed(**flaws)
    app = app_on(engine)
    handle = app.find("note").enqueue()
    assert list(engine.tables.jobs) == [handle.id]
    assert handle.created
    app.portal.close()


@pytest.mark.parametrize("flaws", FLAWS)
async def test_an_async_enqueue_waits_and_leaves_the_loop_free(flaws: dict[str, int]) -> None:
    engine, beats = Flawed(**flaws), list[float]()

    async def beat() -> None:
        while True:
            beats.append(time.monotonic())
            await asyncio.sleep(0.01)

    beating = asyncio.create_task(beat())
    handle = await app_on(engine).find("note").aenqueue()
    beating.cancel()
    assert list(engine.tables.jobs) == [handle.id]
    assert handle.created
    assert len(beats) > 3


@pytest.mark.parametrize("spell", ["0s", "100ms"])
async def test_patience_ends(spell: str) -> None:
    engine, began = Flawed(away=10**6), time.monotonic()
    task = app_on(engine, enqueue_patience=spell).find("note")
    said = "no server answers$" if spell == "0s" else r"tried for 100ms \(enqueue_patience\)"
    with pytest.raises(EngineUnavailable, match=said):
        await task.aenqueue()
    assert (engine.calls == 1) is (spell == "0s")
    assert time.monotonic() - began < 12
    assert not engine.tables.jobs


async def test_a_call_may_have_a_patience_of_its_own() -> None:
    engine = Flawed(away=1)
    task = app_on(engine).find("note")
    with pytest.raises(EngineUnavailable):
        await task.using(patience=0).aenqueue()
    engine.away = 1
    await app_on(engine, enqueue_patience=0).find("note").using(patience="5s").aenqueue()
    engine.away = 1
    with pytest.raises(EngineUnavailable):
        await task.app.aenqueue_many([task.job()], patience=0)
    engine.away = 1
    assert await task.app.aenqueue_many([task.job()], patience="5s") == 1
    engine.away = 1
    assert await asyncio.to_thread(task.app.enqueue_many, [task.job()], patience="5s") == 1


async def test_a_reply_that_stays_unknown_is_the_callers() -> None:
    engine = Flawed(lost=10**6)
    with pytest.raises(ReplyUnknown):
        await app_on(engine, enqueue_patience="100ms").find("note").aenqueue()
    assert len(engine.tables.jobs) == 1


async def test_what_may_have_been_stored_is_said_also_when_the_server_went_away() -> None:
    engine = Flawed(lost=1, away=10**6)
    with pytest.raises(ReplyUnknown, match="an earlier try may have stored it"):
        await app_on(engine, enqueue_patience="200ms").find("note").aenqueue()
    assert len(engine.tables.jobs) == 1


def test_patience_is_a_span() -> None:
    with pytest.raises(BadConfiguration, match="enqueue_patience"):
        _ = App("memory://", enqueue_patience="soon").settings
    with pytest.raises(BadOption, match="patience"):
        app_on(Flawed()).find("note").using(patience="soon")
