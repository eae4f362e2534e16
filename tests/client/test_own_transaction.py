"""A sync call inside the thread's own transaction on the file is refused at once, whoever writes.

Sync calls other than a plain enqueue are done by other threads, while the caller's is blocked.
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest

from dutiful import App, Interval, UsageError
from dutiful.contract.blocked import Blocked, who_waits
from dutiful.core.instant import HOUR


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "jobs.db"


@pytest.fixture
def app(path: Path) -> Iterator[App]:
    app = App(f"sqlite:///{path}")

    @app.task(name="note")
    def note(n: int) -> None: ...  # pyright: ignore[reportUnusedFunction] - found by its name

    yield app
    asyncio.run(app.close())


def held(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    return connection


def soon_refused(call: Callable[[], Any]) -> None:
    began = time.monotonic()
    with pytest.raises(UsageError, match="would wait for itself"):
        call()
    assert time.monotonic() - began < 20  # it was 60, and is a fifth of a second


TWINS: dict[str, Callable[[App, Any], Any]] = {
    "cancel": lambda _, handle: handle.cancel(),
    "create": lambda app, _: app.schedules.create(
        app.tasks["note"], Interval(HOUR), name="b", args=(1,)
    ),
    "pause": lambda app, _: app.schedules.pause("a"),
    "delete": lambda app, _: app.schedules.delete("a"),
    "run": lambda app, _: app.schedules.run("a"),
    "one batch": lambda app, _: app.enqueue_many([app.tasks["note"].job(1)]),
    "many": lambda app, _: app.enqueue_many(app.tasks["note"].job(n) for n in range(2_500)),
}


@pytest.mark.parametrize("name", TWINS)
def test_a_sync_call_is_refused_and_works_afterwards(app: App, path: Path, name: str) -> None:
    handle = app.tasks["note"].enqueue(1)
    app.schedules.create(app.tasks["note"], Interval(HOUR), name="a", args=(1,))
    own = held(path)
    assert handle.status() == "queued"  # reading needs no lock
    soon_refused(lambda: TWINS[name](app, handle))
    own.execute("COMMIT")
    TWINS[name](app, handle)
    own.close()


def test_the_first_call_is_refused(app: App, path: Path) -> None:
    own = held(path)
    soon_refused(lambda: app.tasks["note"].enqueue(1))
    own.execute("COMMIT")
    assert app.tasks["note"].enqueue(1).created
    own.close()


def test_another_threads_transaction_is_waited_for(app: App, path: Path) -> None:
    handle = app.tasks["note"].enqueue(1)
    open_, end = threading.Event(), threading.Event()

    def hold() -> None:
        own = held(path)
        open_.set()
        end.wait(60)
        own.close()

    thread = threading.Thread(target=hold)
    thread.start()
    assert open_.wait(60)
    threading.Timer(1, end.set).start()
    assert handle.cancel()
    thread.join()


class Once:
    """A question that is answered at its second look."""

    over = False

    def __init__(self, future: Future[int]) -> None:
        self.future = future
        self.looks: list[int] = []

    def next(self) -> float:
        return 0.001

    def look(self) -> None:
        self.looks.append(threading.get_ident())
        if len(self.looks) == 2:
            self.over = True
            self.future.set_result(7)


def test_a_blocked_thread_answers_questions_itself() -> None:
    blocked, future = Blocked(), Future[int]()
    assert who_waits() is None
    with blocked.works_here():
        assert who_waits() is blocked
    question = Once(future)
    blocked.ask(question)
    assert blocked.wait(future) == 7
    assert question.looks == [threading.get_ident()] * 2
    blocked.ask(question)  # nobody waits any more, so nothing is kept


def test_an_error_that_is_a_timeout_is_the_futures_own() -> None:
    future = Future[int]()
    future.set_exception(TimeoutError("the call's own"))
    with pytest.raises(TimeoutError, match="the call's own"):
        Blocked().wait(future)
