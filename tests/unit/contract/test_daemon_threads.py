"""The threads for our own blocking calls: none waits for one that hangs."""

from __future__ import annotations

import asyncio
import os
import queue
import sys
import threading
import time
from concurrent.futures import Future
from contextlib import suppress
from contextvars import ContextVar

import pytest

from dutiful.contract import daemon_threads
from dutiful.contract.beside import beside
from dutiful.contract.daemon_threads import DaemonThreads, Item
from dutiful.worker.isolation.steady_loop import SteadyLoop
from tests.until import wait_until

WORD: ContextVar[str] = ContextVar("word", default="none")


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> DaemonThreads:
    """Threads that are few at first, and do not wait long."""
    monkeypatch.setattr(daemon_threads, "_MANY", 3)
    monkeypatch.setattr(daemon_threads, "_LONG", 0.05)
    return DaemonThreads()


def test_a_call_that_hangs_holds_up_no_other(few: DaemonThreads) -> None:
    gate = threading.Event()
    try:
        for _ in range(3):
            few.submit(gate.wait)
        calls = [few.submit(str, number) for number in range(5)]
        assert [call.result(60) for call in calls] == ["0", "1", "2", "3", "4"]
        for _ in range(4):
            few.submit(gate.wait)
        assert few.submit(str, 7).result(60) == "7"
    finally:
        gate.set()


def test_short_calls_share_few_threads(few: DaemonThreads) -> None:
    def where() -> int:
        time.sleep(0.002)
        return threading.get_ident()

    calls = [few.submit(where) for _ in range(100)]
    assert len({call.result(60) for call in calls}) == 3


def test_an_idle_thread_ends_and_another_takes_its_place(
    few: DaemonThreads, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(daemon_threads, "_IDLE_SECONDS", 0.01)
    first = few.submit(threading.current_thread).result(60)
    assert first.daemon
    first.join(60)
    assert not first.is_alive()
    assert few.submit(threading.current_thread).result(60) is not first


def test_no_call_waits_for_a_busy_thread_after_a_caller_was_slow(
    few: DaemonThreads,
) -> None:
    """As when a process is stopped between its choice of a thread and the call to it."""

    class Waits(queue.SimpleQueue[Item]):
        def __init__(self) -> None:
            super().__init__()
            self.over, self.ended = threading.Event(), threading.Event()

        def get(self, block: bool = True, timeout: float | None = None) -> Item:
            while not self.over.is_set():
                with suppress(queue.Empty):
                    return super().get(block, 0.01)
            self.ended.set()
            raise queue.Empty

    waits = few._calls = Waits()
    assert few.submit(str, 1).result(60) == "1"
    wait_until(lambda: few._idle.qsize() == 1)
    assert few._has_idle()  # the caller takes the thread's entry, and stops here
    waits.over.set()  # the thread has waited for long
    assert waits.ended.wait(60)
    waits.over.clear()
    gate, began = threading.Event(), threading.Event()

    def hang() -> None:
        began.set()
        gate.wait()

    few._calls.put((Future(), hang))  # the caller goes on
    try:
        assert began.wait(5)
        assert few.submit(str, 2).result(5) == "2"
    finally:
        gate.set()


@pytest.mark.parametrize("fails", [1, 9])
def test_without_room_for_a_thread_a_call_waits_for_those_there_are(
    few: DaemonThreads, monkeypatch: pytest.MonkeyPatch, fails: int
) -> None:
    gate, left = threading.Event(), [1] * fails
    start = threading.Thread.start

    def scarce(thread: threading.Thread) -> None:
        if left:
            left.pop()
            raise RuntimeError("can't start new thread")
        start(thread)

    held = few.submit(gate.wait)
    monkeypatch.setattr(threading.Thread, "start", scarce)
    waits = few.submit(str, 1)
    gate.set()
    assert held.result(60)
    assert waits.result(60) == "1"
    left[:] = [1]
    with pytest.raises(RuntimeError, match="new thread"):
        DaemonThreads().submit(str, 1)


def test_hooks_that_are_gone_keep_no_thread_from_starting(
    few: DaemonThreads, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "excepthook", None)
    monkeypatch.setattr(threading, "excepthook", None)
    assert few.submit(str, 1).result(60) == "1"


def test_the_copy_that_a_call_forks_ends_there(capfd: pytest.CaptureFixture[str]) -> None:
    def forks() -> int:
        if (pid := os.fork()) == 0:
            raise ValueError("in the copy")
        return pid

    pid = DaemonThreads().submit(forks).result(60)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 1
    assert "in the copy" in capfd.readouterr().err


async def test_a_fork_has_threads_of_its_own() -> None:
    await beside(lambda: None)
    if (pid := os.fork()) == 0:
        code = 1
        try:
            code = daemon_threads.THREADS.submit(int, "7").result(60)
        finally:
            os._exit(code)
    _, status = await beside(lambda: os.waitpid(pid, 0))
    assert os.waitstatus_to_exitcode(status) == 7


async def test_a_call_sees_the_context_of_who_asks() -> None:
    WORD.set("mine")
    assert await beside(WORD.get) == "mine"


def test_hosts_are_found_though_the_default_threads_are_taken() -> None:
    gate = threading.Event()

    async def find() -> object:
        loop = asyncio.get_running_loop()
        for _ in range(64):
            loop.run_in_executor(None, gate.wait)
        async with asyncio.timeout(60):
            try:
                return await loop.getaddrinfo("localhost", 80)
            finally:
                gate.set()

    with asyncio.Runner(loop_factory=SteadyLoop) as runner:
        assert runner.run(find())
