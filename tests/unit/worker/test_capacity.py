"""Slots that could not be started are left out, and tried again one step after another."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Callable

import pytest

from dutiful.core.event import Event, SlotsRestored, SlotsShort
from dutiful.worker.capacity import CannotStart, Capacity, starting


class Timer:
    """A call that the loop would make later."""

    def __init__(self, seconds: float, call: Callable[[], None]) -> None:
        self.seconds, self.call, self.cancelled = seconds, call, False

    def cancel(self) -> None:
        self.cancelled = True


class Watched:
    """A capacity, the timers that it set, what it emitted, and how often it had changed."""

    def __init__(self, patch: pytest.MonkeyPatch, slots: int) -> None:
        self.timers: list[Timer] = []
        self.events: list[Event] = []
        self.changes = 0
        self.capacity = Capacity(slots, self.events.append, self._changed)
        patch.setattr(asyncio.get_running_loop(), "call_later", self._later)

    def fire(self) -> int:
        """Let the last timer's time come; return how many slots there are then."""
        self.timers[-1].call()
        return self.capacity.slots

    def waits(self) -> list[float]:
        return [timer.seconds for timer in self.timers]

    def _later(self, seconds: float, call: Callable[[], None]) -> Timer:
        self.timers.append(Timer(seconds, call))
        return self.timers[-1]

    def _changed(self) -> None:
        self.changes += 1


async def test_a_shortage_is_told_once_and_each_pause_is_twice_the_last(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    watched = Watched(monkeypatch, 16)
    assert not watched.capacity.short
    for running in (5, 4, 4, 3, 3, 3, 3):
        watched.capacity.shrink(running, "no thread")
        assert watched.capacity.slots == running
    assert watched.capacity.short
    assert watched.events == [SlotsShort(5, 16, "no thread")]
    assert watched.waits() == [1, 2, 4, 8, 16, 30, 30]
    assert [timer.cancelled for timer in watched.timers] == [True] * 6 + [False]
    assert watched.changes == 0


async def test_slots_come_back_by_eighths_and_the_next_shortage_is_a_new_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    watched = Watched(monkeypatch, 16)
    watched.capacity.shrink(9, "no thread")
    assert [watched.fire() for _ in range(4)] == [11, 13, 15, 16]
    assert watched.events == [SlotsShort(9, 16, "no thread"), SlotsRestored(16)]
    assert watched.waits() == [1, 1, 1, 1]
    assert watched.changes == 4
    assert not watched.capacity.short
    watched.capacity.shrink(2, "no memory")
    assert watched.events[2:] == [SlotsShort(2, 16, "no memory")]
    assert watched.waits() == [1, 1, 1, 1, 1]


async def test_few_slots_come_back_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    watched = Watched(monkeypatch, 3)
    watched.capacity.shrink(0, "no thread")
    assert [watched.fire() for _ in range(3)] == [1, 2, 3]
    assert watched.events[1:] == [SlotsRestored(3)]


async def test_a_worker_that_ends_tries_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    watched = Watched(monkeypatch, 3)
    watched.capacity.close()
    watched.capacity.shrink(0, "no thread")
    watched.capacity.close()
    assert watched.timers[0].cancelled


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (OSError(errno.EAGAIN, "busy"), "no thread can be started: [Errno 11] busy"),
        (MemoryError(), "no thread can be started: out of memory"),
        (RuntimeError("can't start new thread"), "no thread can be started: can't start new thre"),
    ],
)
def test_a_shortage_is_told_from_other_errors(error: Exception, text: str) -> None:
    with pytest.raises(CannotStart) as caught, starting("thread"):
        raise error
    assert str(caught.value).startswith(text)


@pytest.mark.parametrize("error", [OSError(errno.ENOENT, "no file"), RuntimeError("closed")])
def test_other_errors_are_no_shortage(error: Exception) -> None:
    with pytest.raises(type(error)) as caught, starting("thread"):
        raise error
    assert caught.value is error
