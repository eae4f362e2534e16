"""What a task's code in a child asks of its worker, and what it is answered."""

from __future__ import annotations

import signal
import socket
from collections.abc import Iterator
from types import FrameType

import pytest

from dutiful import App, ClaimLost
from dutiful.worker.isolation.frames import Start, StepRecorded, about, pack
from dutiful.worker.isolation.remote import Remote
from tests.unit.worker.parts import claim

CLAIM = claim("1")


@pytest.fixture
def lines() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


def remote(line: socket.socket) -> Remote:
    @App("memory://").task(name="task", cpu=True)
    def body() -> None: ...

    start = Start(about(CLAIM), "module", "body", None, CLAIM, b"null", 1000)
    return Remote(start, body, line)


def answer(held: bool) -> bytes:
    return pack(StepRecorded(about(CLAIM), held))


def test_a_step_is_recorded(lines: tuple[socket.socket, socket.socket]) -> None:
    asking = remote(lines[0])
    lines[1].sendall(answer(True))
    asking.record_sync("step", 1)
    assert asking.recall("step") == (True, 1)
    assert not asking.asking


def test_nothing_is_asked_after_the_end(lines: tuple[socket.socket, socket.socket]) -> None:
    asking = remote(lines[0])
    asking.end()
    with pytest.raises(ClaimLost, match="step 'late' is void"):
        asking.record_sync("late", 1)
    with pytest.raises(ClaimLost, match="step 'late' is void"):
        asking.recall("late")
    with pytest.raises(ClaimLost, match="its transaction with it"):
        asking.begin()
    lines[1].setblocking(False)
    with pytest.raises(BlockingIOError):
        lines[1].recv(1)


def test_nothing_is_asked_once_an_exception_has_cut_off_an_answer(
    lines: tuple[socket.socket, socket.socket],
) -> None:
    def interrupt(number: int, frame: FrameType | None) -> None:
        raise InterruptedError

    asking = remote(lines[0])
    lines[1].sendall(answer(True)[:6])
    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        with pytest.raises(InterruptedError):
            asking.record_sync("first", 1)
    finally:
        signal.signal(signal.SIGALRM, before)
    lines[1].sendall(answer(True))
    with pytest.raises(ClaimLost, match="step 'second' is void"):
        asking.record_sync("second", 1)
    asking.end()
    assert asking.asking
