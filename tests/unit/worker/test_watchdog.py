"""When a worker hangs, by looks at a clock that a test sets; and what never counts as that."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest

from dutiful.core.event import Event, WorkerHung
from dutiful.core.instant import SECOND
from dutiful.services.trouble import OutageReport
from dutiful.testing.clock import FakeClock
from dutiful.worker import watchdog
from dutiful.worker.condition import Condition
from dutiful.worker.watchdog import ProcessOwner, Watchdog

LIMIT = 60 * SECOND


class Watched:
    """A watchdog, the loop that it asks, and the registration that it looks at."""

    def __init__(self, limit: int | None = LIMIT) -> None:
        self.clock = FakeClock()
        self.events: list[Event] = []
        self.asked: list[Callable[[], None]] = []
        self.progress: object = None
        self.renewed: list[float] = []
        self.condition = Condition(OutageReport(self.events.append, self.clock.ticks))
        self.condition.registration = cast(
            Any,
            SimpleNamespace(
                worker="w1",
                held_back=lambda: self.progress,
                executor=SimpleNamespace(running={}, draining=False),
                heartbeat=SimpleNamespace(renew_now=self.renewed.append),
            ),
        )
        self.watchdog = Watchdog(
            self.condition, limit, self.clock, self.events.append, ProcessOwner()
        )
        self.watchdog._loop = cast(Any, SimpleNamespace(call_soon_threadsafe=self.asked.append))

    def look(self, seconds: float, times: int, *, answers: bool) -> str:
        """Look several times; return why the worker hangs, "" if it does not."""
        for _ in range(times):
            self.clock.advance(f"{seconds}s")
            hang = self.watchdog.look()
            if answers:
                while self.asked:
                    self.asked.pop()()
        return "" if hang is None else hang.reason


def test_a_loop_that_answers_never_hangs() -> None:
    assert Watched().look(10, 100, answers=True) == ""


def test_a_loop_that_owes_an_answer_for_the_limit_hangs() -> None:
    watched = Watched()
    assert watched.look(10, 6, answers=False) == ""
    assert "has not answered for 60 s" in watched.look(10, 1, answers=False)
    assert len(watched.asked) == 1


def test_a_loop_that_answers_late_does_not_hang_any_more() -> None:
    watched = Watched()
    watched.look(10, 8, answers=False)
    watched.asked.pop()()
    assert watched.look(10, 6, answers=False) == ""


def test_a_frozen_process_or_a_host_that_slept_counts_as_one_look() -> None:
    watched = Watched()
    watched.look(10, 2, answers=False)
    assert watched.look(8 * 3600, 1, answers=False) == ""
    assert watched.look(10, 2, answers=False) == ""
    assert watched.look(10, 1, answers=False)


def test_without_a_limit_nothing_hangs() -> None:
    assert Watched(None).look(10, 1000, answers=False) == ""


def test_claimed_jobs_that_neither_start_nor_end_hang() -> None:
    watched = Watched()
    watched.progress = ("w1", 1.0, 1)
    assert watched.look(10, 6, answers=True) == ""
    assert "holds claimed jobs" in watched.look(10, 1, answers=True)
    watched.progress = ("w1", 2.0, 2)
    assert watched.look(10, 6, answers=True) == ""


def test_a_call_to_the_store_gets_a_minute_also_when_the_limit_is_short() -> None:
    watched = Watched(limit=6 * SECOND)
    watched.progress = ("w1", 1.0, 1)
    assert watched.look(1, 59, answers=True) == ""
    assert watched.look(1, 2, answers=True)


def test_a_worker_without_claims_is_not_stuck() -> None:
    assert Watched().look(10, 100, answers=True) == ""


def test_a_hang_is_emitted_and_reported_to_the_store() -> None:
    watched = Watched()
    watched.look(10, 7, answers=False)
    hang = watched.watchdog.look()
    assert hang is not None
    watched.watchdog._tell(hang)
    assert watched.events == [WorkerHung("w1", hang.reason)]
    assert watched.renewed
    assert watched.condition.state() == "hung"


def block(gate: threading.Event, reached: threading.Event) -> None:
    reached.set()
    gate.wait(60)


@pytest.fixture
def blocked() -> Any:
    """Block a loop in a thread of its own by a coroutine; yields the thread, task and frame."""
    gate, reached = threading.Event(), threading.Event()
    tasks: list[asyncio.Task[None]] = []

    async def inner() -> None:
        block(gate, reached)

    async def body() -> None:
        await inner()

    async def main() -> None:
        tasks.append(asyncio.create_task(body()))
        await tasks[0]

    thread = threading.Thread(target=asyncio.run, args=(main(),))
    thread.start()
    assert reached.wait(60)
    yield thread, tasks[0]
    gate.set()
    thread.join()


def test_the_job_that_blocks_the_loop_is_named(blocked: Any) -> None:
    thread, task = blocked
    watched = Watched()
    job = SimpleNamespace(id="j1", task="sleepy")
    other = SimpleNamespace(body=None, job=SimpleNamespace(id="j2", task="innocent"))
    running = {"j2": other, "j1": SimpleNamespace(body=task, job=job)}
    cast(Any, watched.condition.registration).executor.running = running
    watched.watchdog._loop_thread = thread.ident
    reason = watched.look(10, 7, answers=False)
    assert "blocked by job j1 (sleepy)" in reason
    assert "in Event.wait" in reason or "in Condition.wait" in reason


def test_a_loop_that_a_person_debugs_does_not_hang(
    blocked: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    thread, _ = blocked
    watched = Watched()
    watched.watchdog._loop_thread = thread.ident
    monkeypatch.setattr(watchdog, "debugged", lambda frames: bool(list(frames)))
    assert watched.look(10, 100, answers=False) == ""
