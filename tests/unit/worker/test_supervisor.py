"""What a supervisor does about the end of a child: another, a pause before it, or none."""

from __future__ import annotations

import errno
import signal
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple, cast

import pytest

from dutiful.worker import supervisor
from dutiful.worker.exit_code import ending
from dutiful.worker.last_words import Ending
from dutiful.worker.options import WorkerOptions
from dutiful.worker.serve import (
    EXIT_BROKEN,
    EXIT_RECYCLE,
    EXIT_REFUSED,
    EXIT_STOPPED,
    EXIT_STORE,
    EXIT_USAGE,
    Orders,
)
from dutiful.worker.supervisor import Supervisor

HERE = Path()
CRASH = -signal.SIGKILL


class Process(NamedTuple):
    """What is asked of a child's process."""

    pid: int
    returncode: int | None


class Supervised(Supervisor):
    """Has children that end as a list says, after so many seconds; then it is told to stop."""

    def __init__(
        self,
        patch: pytest.MonkeyPatch,
        ends: Iterable[tuple[int | Ending | Exception, float]],
        *,
        burst: bool = False,
        watch: Path | None = None,
        last: int | Ending = EXIT_STOPPED,
    ) -> None:
        super().__init__(Orders("app", None, WorkerOptions(burst=burst)), 1, watch=watch)
        self._ends = iter(ends)
        self._last = last
        self._now = 1000.0
        self.children = 0
        self.pauses: list[float] = []
        self.told: list[tuple[int, int]] = []
        patch.setattr(supervisor, "monotonic", lambda: self._now)
        patch.setattr(supervisor, "tell", lambda *given: self.told.append(given))

    async def judge(self) -> int:
        """Keep one child running for as long as that is meant to go on; return the exit code."""
        await self._keep(0)
        return self._code

    def stand_by(self, pid: int, seconds: float, *, ended: bool = False) -> None:
        """Have another child, which was started so long ago."""
        process = Process(pid, 0 if ended else None)
        self._children[cast(Any, process)] = self._now - seconds

    async def _child(self, number: int) -> Ending | Exception:
        self.children += 1
        end, lived = next(self._ends, (None, 0.0))
        self._now += lived
        if end is None:
            self._stop()
            end = self._last
        return Ending(end) if isinstance(end, int) else end

    async def _sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        if self._watch is not None:
            self._edited.set()


@pytest.mark.parametrize(
    ("last", "code"),
    [
        (EXIT_STOPPED, EXIT_STOPPED),
        (EXIT_RECYCLE, EXIT_STOPPED),
        (-signal.SIGTERM, EXIT_STOPPED),
        (CRASH, EXIT_BROKEN),
        (EXIT_REFUSED, EXIT_BROKEN),
        (Ending(EXIT_STOPPED, served=True, meant=False), EXIT_BROKEN),
        (Ending(EXIT_RECYCLE, served=True, meant=False), EXIT_BROKEN),
    ],
)
async def test_a_child_that_ends_badly_when_told_to_stop_is_said_in_the_exit_code(
    monkeypatch: pytest.MonkeyPatch, last: int, code: int
) -> None:
    children = Supervised(monkeypatch, [], last=last)
    assert await children.judge() == code
    assert children.children == 1


async def test_a_burst_ends_with_its_child(monkeypatch: pytest.MonkeyPatch) -> None:
    children = Supervised(monkeypatch, [(EXIT_STOPPED, 0.1)], burst=True)
    assert await children.judge() == EXIT_STOPPED
    assert children.children == 1


async def test_a_burst_that_crashed_is_begun_again(monkeypatch: pytest.MonkeyPatch) -> None:
    children = Supervised(monkeypatch, [(CRASH, 0.1), (EXIT_STOPPED, 0.1)], burst=True)
    assert await children.judge() == EXIT_STOPPED
    assert children.pauses == [0.5]


@pytest.mark.parametrize(
    ("code", "lived"),
    [(EXIT_RECYCLE, 0.1), (EXIT_RECYCLE, 100), (EXIT_STOPPED, 5), (-signal.SIGTERM, 5)],
)
async def test_a_child_that_ended_as_it_should_is_replaced_at_once(
    monkeypatch: pytest.MonkeyPatch, code: int, lived: float
) -> None:
    children = Supervised(monkeypatch, 20 * [(code, lived)])
    assert await children.judge() == EXIT_STOPPED
    assert (children.children, children.pauses) == (21, [])


@pytest.mark.parametrize("code", [EXIT_STOPPED, -signal.SIGTERM])
async def test_a_child_that_stops_at_once_is_replaced_at_once_only_where_files_are_watched(
    monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    watched = Supervised(monkeypatch, 20 * [(code, 0.1)], watch=HERE)
    assert await watched.judge() == EXIT_STOPPED
    assert (watched.children, watched.pauses) == (21, [])
    others = Supervised(monkeypatch, 2 * [(code, 0.1)])
    assert await others.judge() == EXIT_STOPPED
    assert others.pauses == [0.5, 1.0]


async def test_a_signal_without_a_name_ends_a_child_and_not_the_supervisor(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    children = Supervised(monkeypatch, [(-40, 5)])
    assert await children.judge() == EXIT_STOPPED
    assert children.pauses == [0.5]
    assert "ended with signal 40; starting another" in caplog.text


@pytest.mark.parametrize("burst", [False, True])
@pytest.mark.parametrize("code", [EXIT_STOPPED, EXIT_RECYCLE, EXIT_REFUSED, -signal.SIGTERM])
async def test_a_code_that_the_worker_did_not_mean_is_a_crash(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, code: int, burst: bool
) -> None:
    taken = Ending(code, served=True, meant=False)
    children = Supervised(monkeypatch, [(taken, 5), (taken, 5)], burst=burst)
    assert await children.judge() == EXIT_STOPPED
    assert children.pauses == [0.5, 1]
    assert f"ended with {ending(code)}; starting another" in caplog.text


async def test_a_code_that_a_module_took_is_a_crash_where_files_are_watched(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    taken = Ending(EXIT_REFUSED, meant=False)
    children = Supervised(monkeypatch, [(taken, 1)], watch=HERE)
    assert await children.judge() == EXIT_STOPPED
    assert children.pauses == [0.5]


async def test_children_that_jobs_may_have_ended_are_never_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    children = Supervised(monkeypatch, 20 * [(Ending(CRASH, served=True, meant=False), 2)])
    assert await children.judge() == EXIT_STOPPED
    assert (children.children, children.pauses[-1]) == (21, 30)


async def test_workers_that_serve_and_break_by_themselves_are_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    children = Supervised(monkeypatch, 20 * [(Ending(EXIT_STORE, served=True), 2)])
    assert await children.judge() == EXIT_BROKEN
    assert children.children == 8


async def test_a_child_for_which_there_is_no_room_is_tried_again_and_told_of_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    full: list[tuple[Exception, float]] = 9 * [(BlockingIOError(errno.EAGAIN, "no room"), 0.0)]
    children = Supervised(monkeypatch, [(CRASH, 2), *full, (CRASH, 2), (MemoryError(), 0)])
    assert await children.judge() == EXIT_STOPPED
    assert children.pauses == [0.5, 1, 2, 4, 8, 16, *6 * [30]]
    assert caplog.text.count("cannot be started ([Errno 11] no room)") == 1
    assert caplog.text.count("cannot be started (MemoryError)") == 1


async def test_a_child_that_can_never_be_started_is_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    children = Supervised(monkeypatch, 20 * [(FileNotFoundError(errno.ENOENT, "no python"), 0)])
    assert await children.judge() == EXIT_BROKEN
    assert children.children == 8


async def test_crashes_in_a_row_are_followed_by_ever_longer_pauses_and_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    children = Supervised(monkeypatch, 20 * [(CRASH, 2)])
    assert await children.judge() == EXIT_BROKEN
    assert (children.children, children.pauses) == (8, [0.5, 1, 2, 4, 8, 16, 30])


async def test_crashes_are_counted_anew_after_a_child_that_lived_or_ended_well(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    quick = 3 * [(CRASH, 2.0)]
    ends = [*quick, (CRASH, 40.0), *quick, (EXIT_RECYCLE, 1.0), *quick]
    children = Supervised(monkeypatch, ends)
    assert await children.judge() == EXIT_STOPPED
    assert children.pauses == [0.5, 1, 2, 0.5, 1, 2, 4, 0.5, 1, 2]


@pytest.mark.parametrize(("seconds", "gives_up"), [(20, True), (20.5, False)])
async def test_nothing_is_given_up_while_another_child_serves(
    monkeypatch: pytest.MonkeyPatch, seconds: float, gives_up: bool
) -> None:
    children = Supervised(monkeypatch, 8 * [(CRASH, 1.25)])
    children.stand_by(7, seconds)
    assert await children.judge() == (EXIT_BROKEN if gives_up else EXIT_STOPPED)
    assert children.told == [(7, signal.SIGTERM)]


async def test_a_child_that_has_ended_is_told_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    children = Supervised(monkeypatch, [])
    children.stand_by(7, 1)
    children.stand_by(8, 1, ended=True)
    await children.judge()
    assert children.told == [(7, signal.SIGTERM)]


async def test_an_app_that_cannot_be_used_is_given_up_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    children = Supervised(monkeypatch, [(EXIT_REFUSED, 1)])
    assert await children.judge() == EXIT_USAGE
    assert (children.children, children.pauses) == (1, [])


async def test_an_app_that_served_once_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    children = Supervised(monkeypatch, [(CRASH, 40), (EXIT_REFUSED, 1), (EXIT_REFUSED, 1)])
    assert await children.judge() == EXIT_STOPPED
    assert children.pauses == [0.5, 1, 2]


async def test_a_child_that_did_not_serve_for_long_does_not_count_as_one_that_served(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    children = Supervised(monkeypatch, [(CRASH, 5), (EXIT_REFUSED, 1)])
    assert await children.judge() == EXIT_USAGE


async def test_an_app_that_cannot_be_used_waits_for_a_change_where_files_are_watched(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    children = Supervised(monkeypatch, 2 * [(EXIT_REFUSED, 1)], watch=HERE)
    assert await children.judge() == EXIT_STOPPED
    assert (children.children, children.pauses) == (3, [0.1, 0.1])
