"""An enqueue whose reply was lost is asked again, and stores one job."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from dutiful import App, ReplyUnknown
from dutiful.client import insist
from dutiful.contract.protocol import Receipt
from dutiful.core.job import NewJob
from dutiful.engines.memory import MemoryEngine


class Mumbling(MemoryEngine):
    """Stores, and loses the first replies."""

    def __init__(self, lost: int) -> None:
        super().__init__()
        self.lost = lost
        self.calls = 0

    def enqueue_sync(self, jobs: Sequence[NewJob]) -> tuple[Receipt, ...]:
        self.calls += 1
        receipts = super().enqueue_sync(jobs)
        if self.calls <= self.lost:
            raise ReplyUnknown("the connection failed")
        return receipts


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(insist, "_PAUSES", (0.0, 0.0))


def app_on(engine: MemoryEngine) -> App:
    app = App(engine=engine)
    app.task(name="note")(note)
    return app


def note() -> None: ...


def test_a_sync_enqueue_is_asked_again() -> None:
    engine = Mumbling(lost=2)
    app = app_on(engine)
    handle = app.find("note").enqueue()
    assert (engine.calls, list(engine.tables.jobs)) == (3, [handle.id])
    app.portal.close()


async def test_an_async_enqueue_is_asked_again() -> None:
    engine = Mumbling(lost=2)
    handle = await app_on(engine).find("note").aenqueue()
    assert (engine.calls, list(engine.tables.jobs)) == (3, [handle.id])
    assert handle.created


async def test_a_reply_that_stays_unknown_is_the_callers() -> None:
    engine = Mumbling(lost=9)
    with pytest.raises(ReplyUnknown):
        await app_on(engine).find("note").aenqueue()
    assert len(engine.tables.jobs) == 1
