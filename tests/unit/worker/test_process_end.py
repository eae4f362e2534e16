"""The last steps of a process that ran jobs, each alone."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from dutiful.worker.isolation import process_end

STOPS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


@pytest.fixture
def handled() -> Iterator[list[int]]:
    """Give the signals that were handled as before; put all handlers back at the end."""
    heard: list[int] = []
    before = {number: signal.getsignal(number) for number in STOPS}
    for number in STOPS:
        signal.signal(number, lambda number, _: heard.append(number))
    yield heard
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", STOPS)
def test_a_further_signal_ends_the_process_and_an_echo_does_not(
    monkeypatch: pytest.MonkeyPatch, handled: list[int], number: signal.Signals
) -> None:
    now, left = [100.0], list[int]()
    monkeypatch.setattr(process_end, "monotonic", lambda: now[0])
    monkeypatch.setattr(process_end, "_leave", left.append)
    process_end.end_on_signal(7)
    for seconds, expected in ((0.0, []), (0.5, []), (0.75, [7])):
        now[0] = 100.0 + seconds
        signal.raise_signal(number)
        assert left == expected
    assert handled == []


def test_a_signal_that_is_ignored_is_still_ignored(handled: list[int]) -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    process_end.end_on_signal(7)
    assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    assert handled == []


def ended(script: str) -> subprocess.CompletedProcess[str]:
    """Run a program that ends as a worker does."""
    script = f"from dutiful.worker.isolation.process_end import end_process\n{script}"
    return subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False
    )


def test_broken_streams_are_replaced_before_the_end() -> None:
    """Python itself would end with code 120, as it cannot flush them."""
    done = ended(
        """
import sys
sys.stdout, sys.stderr = object(), None
code = end_process(3)
print("said", file=sys.stdout)
print("whispered", file=sys.stderr)
raise SystemExit(code)
"""
    )
    assert (done.returncode, done.stdout, done.stderr) == (3, "said\n", "whispered\n")


def test_only_threads_that_would_keep_the_process_alive_are_named() -> None:
    done = ended(
        """
import logging, threading
from concurrent.futures import ThreadPoolExecutor
logging.basicConfig(format="%(message)s")
begun = threading.Event()
ThreadPoolExecutor(1, "stuck").submit(lambda: (begun.set(), threading.Event().wait()))
begun.wait()
threading.Thread(target=threading.Event().wait, name="mine").start()
threading.Thread(target=threading.Event().wait, daemon=True).start()
end_process(3)
print("the process should have ended")
"""
    )
    assert done.returncode == 3
    assert done.stdout == ""
    assert "2 threads that jobs left behind still run (mine, stuck_0)" in done.stderr


def test_a_thread_that_ends_in_time_is_waited_for() -> None:
    done = ended(
        """
import threading, time
from dutiful.worker.isolation import process_end
process_end._THREADS_SECONDS = 60
threading.Thread(target=time.sleep, args=(0.1,)).start()
code = end_process(3)
print("went on")
raise SystemExit(code)
"""
    )
    assert (done.returncode, done.stdout, done.stderr) == (3, "went on\n", "")
