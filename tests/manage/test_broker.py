"""The management interface on an engine that lists nothing and changes nothing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from dutiful import App, Unsupported
from dutiful.testing.broker import PoorBroker

LOOKS: list[tuple[Callable[[App], Awaitable[Any]], str]] = [
    (lambda app: app.jobs.alist(), "list and look up jobs"),
    (lambda app: app.jobs.aget("some-job"), "list and look up jobs"),
    (lambda app: app.jobs.acount(), "list and look up jobs"),
    (lambda app: app.jobs.aretry("some-job"), "list and look up jobs"),
    (lambda app: app.jobs.acancel("some-job"), "cancel jobs"),
    (lambda app: app.jobs.arun_now("some-job"), "change jobs that it holds"),
    (lambda app: app.jobs.arun_now(all=True), "change jobs that it holds"),
    (lambda app: app.dead.alist(), "list and look up jobs"),
    (lambda app: app.dead.agroups(), "list and look up jobs"),
    (lambda app: app.dead.aredrive("some-job"), "redrive dead letters"),
    (lambda app: app.dead.apurge("some-job"), "purge jobs"),
    (lambda app: app.queues.alist(), "list and look up jobs"),
    (lambda app: app.queues.apause("default"), "pause queues"),
    (lambda app: app.workers.alist(), "know its workers"),
    (lambda app: app.workers.aquiet("w1"), "know its workers"),
    (lambda app: app.schedules.alist(), "keep schedules"),
]


@pytest.fixture
def app() -> App:
    return App(engine=PoorBroker())


@pytest.mark.parametrize(("look", "text"), LOOKS, ids=range(len(LOOKS)))
async def test_each_call_says_what_cannot_be_done_and_what_to_do(
    look: Callable[[App], Awaitable[Any]], text: str, app: App
) -> None:
    with pytest.raises(Unsupported, match=f"^the broker engine cannot {text}; ."):
        await look(app)
    assert not app.opened


async def test_a_handle_says_so_too(app: App) -> None:
    @app.task
    def work() -> int:
        return 1

    handle = await work.aenqueue()
    for call, text in (
        (handle.ajob, "list and look up jobs"),
        (handle.astatus, "list and look up jobs"),
        (handle.aresult, "store results; let the task write its result where you can read it"),
        (handle.acancel, "cancel jobs"),
    ):
        with pytest.raises(Unsupported, match=f"the broker engine cannot {text}"):
            await call()


async def test_the_health_check_reports_what_it_can(app: App) -> None:
    broker, found = await app.store.check()
    assert (broker.name, broker.ok) == ("broker", True)
    assert (found.name, found.ok) == ("workers", True)
