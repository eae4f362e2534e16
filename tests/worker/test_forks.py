"""A forked copy of a worker or of a child never goes on with its code, and answers nobody."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from dutiful import App
from dutiful.core.outcome import Succeeded
from dutiful.worker import forks
from dutiful.worker.isolation import child_process
from dutiful.worker.isolation.frames import About, ended, pack
from tests.until import until
from tests.worker import isolated
from tests.worker.support import burst, errors, marks, process, serving, stored

WORKER = ("dutiful", "worker", "tests.worker.isolated:app", "-c", "4")
CODES = {"exit": "7", "raise": "1", "return": "0"}


def _gone(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return True
    return state == "Z"


KINDS = (isolated.fork_in_child, isolated.fork_in_thread, isolated.fork_on_loop)


async def test_a_copy_ends_where_its_task_ends(isolation: App, tmp_path: Path) -> None:
    with process(*WORKER, path=tmp_path) as worker:
        first = [(await task.aenqueue(how), how) for task in KINDS for how in CODES]
        for handle, how in first:
            assert await handle.aresult(timeout=60) == CODES[how]
        awaiting = await isolated.fork_on_loop.aenqueue("await")
        assert await awaiting.aresult(timeout=60) == "1"
        called = await isolated.fork_in_a_callback.aenqueue()
        await called.aresult(timeout=60)
        aside = await isolated.fork_aside.aenqueue()
        assert await aside.aresult(timeout=60) == "0"
        later = [await isolated.echo.aenqueue(number) for number in range(5)]
        assert [await handle.aresult(timeout=60) for handle in later] == [0, 1, 2, 3, 4]
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(60) == 0
    for handle in [handle for handle, _ in first] + later:
        assert (await stored(isolation, handle.id)).attempt == 1


async def test_a_copy_that_lingers_holds_nothing_up(isolation: App, tmp_path: Path) -> None:
    copies: list[int] = []
    with process(*WORKER, path=tmp_path) as worker:
        try:
            for task in KINDS:
                handle = await task.aenqueue("linger")
                copies.append(int(await handle.aresult(timeout=60)))
            assert await (await isolated.echo.aenqueue(1)).aresult(timeout=60) == 1
            worker.send_signal(signal.SIGTERM)
            assert worker.wait(60) == 0
            assert not any(_gone(copy) for copy in copies)
        finally:
            for copy in copies:
                os.kill(copy, signal.SIGKILL)


async def test_the_death_of_a_child_is_seen_though_a_copy_lives(isolation: App) -> None:
    begun = time.monotonic()
    handle = await isolated.die_and_leave_a_copy.using(max_attempts=1).aenqueue()
    async with serving(isolation):
        await until(lambda: marks(Path(os.environ["MARKS"]).parent))
        (copy,) = (line.split()[1] for line in marks(Path(os.environ["MARKS"]).parent))
        try:
            while not (job := await stored(isolation, handle.id)).crashes:
                assert time.monotonic() - begun < 20
            assert job.crashes
        finally:
            await handle.acancel()
            os.kill(int(copy), signal.SIGKILL)


async def test_a_copy_and_a_program_obey_their_own_signals(isolation: App) -> None:
    copy, program = await isolated.signal_a_copy.aenqueue(), await isolated.end_a_program.aenqueue()
    await burst(isolation)
    assert await copy.aresult(timeout=1) == "-15"
    assert await program.aresult(timeout=1) == -15


async def test_a_copy_has_no_part_in_the_attempt(isolation: App) -> None:
    handle = await isolated.step_in_a_copy.aenqueue()
    await burst(isolation)
    assert await handle.aresult(timeout=1) == "0"
    (line,) = marks(Path(os.environ["MARKS"]).parent)
    assert line.startswith("UsageError: ")
    assert "forked copy" in line


@pytest.mark.parametrize("said", ["foreign", "garbled"])
async def test_what_is_no_answer_is_not_taken_for_one(
    isolation: App, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A copy made behind Python's back writes on the line of the child."""
    foreign = pack(ended(About("another", 1), Succeeded(b"99")))
    text = foreign if said == "foreign" else b"\xff\xff\xff\xff garbage"

    begin = child_process.ChildProcess.__init__

    def init(self: child_process.ChildProcess, *args: Any) -> None:
        begin(self, *args)
        self.reader.feed_data(text)

    monkeypatch.setattr(child_process.ChildProcess, "__init__", init)
    handle = await isolated.echo.using(max_attempts=1).aenqueue(5)
    await burst(isolation)
    if said == "foreign":
        assert await handle.aresult(timeout=1) == 5
    else:
        job = await stored(isolation, handle.id)
        (error, *_) = await errors(isolation, handle.id)
        assert job.crashes
        assert "was ended" in error.message


def test_a_copy_leaves_a_number_that_belongs_to_another_file_by_then() -> None:
    ours, theirs = socket.socketpair()
    number = ours.fileno()
    forks.close_in_copies(number)
    other = os.open(os.devnull, os.O_RDONLY)
    os.dup2(other, number)  # which closes ours
    os.close(other)
    ours.detach()
    theirs.close()
    try:
        code = f"import os; os.fstat({number})"
        command = [sys.executable, "-c", code]
        done = subprocess.run(command, preexec_fn=lambda: None, pass_fds=(number,), check=False)
        assert done.returncode == 0
    finally:
        forks.keep_in_copies(number)
        os.close(number)


def test_no_copy_is_made_while_a_child_is_started() -> None:
    def fork() -> None:
        subprocess.run([sys.executable, "-c", ""], preexec_fn=lambda: None, check=True)

    copying = threading.Thread(target=fork)
    with forks.no_forks():
        copying.start()
        copying.join(0.3)
        assert copying.is_alive()
    copying.join(20)
    assert not copying.is_alive()
