"""Nothing that tasks leave behind, or that a process is started without, keeps it from ending."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import pytest

from dutiful import App
from dutiful.worker.isolation import contained
from tests.until import until, wait_until
from tests.worker import isolated
from tests.worker import jobs as cpu
from tests.worker.support import ended, environment, marks, output, process

WORKER = ("dutiful", "worker", "tests.worker.isolated:app", "-c", "2")


async def test_threads_left_behind_are_named_and_left(isolation: App, tmp_path: Path) -> None:
    with process(*WORKER, path=tmp_path) as worker:
        await (await isolated.leave_a_thread.aenqueue()).aresult(timeout=60)
        await (await isolated.leave_a_pool.aenqueue()).aresult(timeout=60)
        await (await isolated.leave_a_thread_in_a_child.aenqueue()).aresult(timeout=60)
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(60) == 0
    said = output(tmp_path)
    assert "2 threads that jobs left behind still run" in said
    assert "left-behind" in said
    assert "ThreadPoolExecutor" in said
    assert {"atexit ran", "child atexit ran"} <= set(marks(tmp_path))


async def test_ends_of_children_are_seen_though_a_task_closed_what_tells_of_them(
    isolation: App, tmp_path: Path
) -> None:
    with process(*WORKER, path=tmp_path) as worker:
        await (await isolated.leave_a_thread_in_a_child.aenqueue()).aresult(timeout=60)
        closed = await (await isolated.close_what_tells_of_ends.aenqueue()).aresult(timeout=60)
        assert closed >= 1
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(60) == 0


async def test_a_burst_ends_though_an_exit_function_hangs(isolation: App, tmp_path: Path) -> None:
    await isolated.hang_at_exit.aenqueue()
    with process(*WORKER, "--burst", path=tmp_path) as worker:
        assert worker.wait(60) == 0
    assert "atexit functions took over" in output(tmp_path)


async def test_a_full_process_is_replaced_though_threads_are_left(
    isolation: App, tmp_path: Path
) -> None:
    with process(*WORKER, "--jobs-max", "1", path=tmp_path) as supervisor:
        for _ in range(2):
            await (await isolated.leave_a_pool.aenqueue()).aresult(timeout=30)
        supervisor.send_signal(signal.SIGHUP)
        assert supervisor.wait(60) == 0
    assert "starting another" not in output(tmp_path)


async def test_threads_take_turns_again_as_before_a_task(isolation: App, tmp_path: Path) -> None:
    with process(*WORKER, path=tmp_path):
        before = await (await isolated.take_turns_each.aenqueue(None)).aresult(timeout=60)
        await (await isolated.take_turns_each.aenqueue(30.0)).aresult(timeout=60)
        async with asyncio.timeout(60):
            while await (await isolated.take_turns_each.aenqueue(None)).aresult() != before:
                pass


async def test_a_task_cannot_take_a_signal_from_its_worker(isolation: App, tmp_path: Path) -> None:
    with process(*WORKER, path=tmp_path) as worker:
        await (await isolated.ignore_term.aenqueue()).aresult(timeout=60)

        def heard() -> bool:
            status = Path(f"/proc/{worker.pid}/status").read_text()
            ignored = int(re.search(r"^SigIgn:\s*(\w+)", status, re.M)[1], 16)
            return not ignored & 1 << (signal.SIGTERM - 1)

        await until(heard)
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(60) == 0


async def test_term_is_heard_without_the_wakeup_descriptor(isolation: App, tmp_path: Path) -> None:
    with process(*WORKER, path=tmp_path) as worker:
        await (await isolated.take_the_wakeup_descriptor.aenqueue()).aresult(timeout=60)
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(60) == 0


@pytest.mark.parametrize("name", ["close_streams", "shut_the_executor"])
async def test_a_worker_stops_well_though_a_task_closed_what_it_uses(
    isolation: App, tmp_path: Path, name: str
) -> None:
    with process(*WORKER, path=tmp_path) as worker:
        await (await isolation.tasks[name].aenqueue()).aresult(timeout=60)
        await (await isolated.see_in_thread.aenqueue("one")).aresult(timeout=60)
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(60) == 0


async def test_a_worker_outlives_a_report_that_fails(isolation: App, tmp_path: Path) -> None:
    with process(*WORKER, path=tmp_path) as worker:
        await ended(isolation, (await isolated.break_reports.aenqueue()).id)
        await (await isolated.see_in_thread.aenqueue("one")).aresult(timeout=60)
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(60) == 0


async def test_threads_start_though_a_task_took_their_hooks(isolation: App, tmp_path: Path) -> None:
    with process(*WORKER, path=tmp_path) as worker:
        for _ in range(2):
            await (await isolated.break_hooks_of_threads.aenqueue()).aresult(timeout=60)
        jobs = [await isolated.see_in_thread.aenqueue("one") for _ in range(4)]
        for job in jobs:
            await job.aresult(timeout=60)
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(60) == 0


async def test_the_loop_takes_no_number_that_a_task_has_closed(
    isolation: App, tmp_path: Path
) -> None:
    with process(*WORKER, path=tmp_path) as worker:
        job = await isolated.close_streams_and_stop_the_loop.aenqueue()
        taken = await job.aresult(timeout=60)
        assert not [name for name in taken if name.startswith("socket:")]
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(60) == 0


@pytest.mark.parametrize("broken", [RuntimeError("is already running"), OSError(9, "closed")])
async def test_a_loop_that_cannot_run_any_more_ends_the_worker(broken: Exception) -> None:
    class Broken(asyncio.SelectorEventLoop):
        tries = 0

        def run_until_complete(self, future: object) -> NoReturn:
            self.tries += 1
            assert self.tries < 100
            raise broken

    loop = Broken()
    main = asyncio.current_task()
    assert main is not None
    with pytest.raises(type(broken)):
        contained.run(loop, main)
    loop.close()


CLOSED = ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"]
OPENED = """
import os
from dutiful.worker.isolation.standard import open_standard
open_standard()
for number in (0, 1, 2):
    os.fstat(number)
assert os.open(os.devnull, os.O_RDONLY) > 2
print("said")
"""


@pytest.mark.parametrize("closed", CLOSED)
def test_closed_standard_streams_are_opened_on_the_null_device(closed: str) -> None:
    command = f"exec {sys.executable} -c '{OPENED}' {closed}"
    ended = subprocess.run(["sh", "-c", command], capture_output=True, text=True)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout == ("" if ">&-" in closed.split() else "said\n")


@pytest.mark.parametrize("processes", ["1", "2"])
async def test_a_worker_needs_no_standard_streams(
    jobs: App, tmp_path: Path, processes: str
) -> None:
    command = f"exec {sys.executable} -m dutiful worker tests.worker.jobs:app -p {processes}"
    with started(f"{command} <&- >&- 2>&-", tmp_path) as worker:
        handles = [await cpu.add.aenqueue(number, 1) for number in range(3)]
        assert [await handle.aresult(timeout=30) for handle in handles] == [1, 2, 3]
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(60) == 0


@contextmanager
def started(command: str, path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a shell's command, and kill what it started at the end of the block."""
    running = subprocess.Popen(["sh", "-c", command], env=environment(path))
    try:
        yield running
    finally:
        running.kill()
        running.wait()


@pytest.mark.parametrize("closed", [">&-", "<&- >&- 2>&-"])
def test_a_command_needs_no_standard_streams(tmp_path: Path, closed: str) -> None:
    App(f"sqlite:///{tmp_path}/jobs.db").task(isolated.echo.fn, name="echo").enqueue(1)
    command = f"{sys.executable} -m dutiful jobs list {closed}"
    ended = subprocess.run(
        ["sh", "-c", command], env=environment(tmp_path), capture_output=True, text=True, timeout=50
    )
    assert (ended.returncode, ended.stderr) == (0, "")


PROJECT = """
import queue, types
assert "python3" in queue.__file__, queue.__file__
from dutiful import App
import helper
app = App()

@app.task(cpu=True)
def helped() -> str:
    import signal, sched
    return f"{helper.TEXT} {'python3' in sched.__file__}"
"""


@pytest.mark.parametrize("processes", ["1", "2"])
def test_a_projects_files_do_not_shadow_the_standard_library(
    tmp_path: Path, processes: str
) -> None:
    for name in ("queue", "types", "signal", "sched", "socket", "logging"):
        (tmp_path / f"{name}.py").write_text("raise RuntimeError('the project is imported')\n")
    (tmp_path / "helper.py").write_text("TEXT = 'from the project'\n")
    (tmp_path / "shop.py").write_text(PROJECT)
    url = f"sqlite:///{tmp_path}/jobs.db"
    script = Path(sys.executable).with_name("dutiful")
    enqueue = (
        "import sys; sys.path.append('.'); import shop; "
        "handle = shop.helped.enqueue(); print(handle.result(timeout=40))"
    )
    env = {**os.environ, "DUTIFUL_URL": url}
    with (tmp_path / "output").open("wb") as said:
        worker = subprocess.Popen(
            [script, "worker", "shop:app", "-p", processes], cwd=tmp_path, env=env, stderr=said
        )
        try:
            asked = subprocess.run(
                [sys.executable, "-P", "-c", enqueue],
                cwd=tmp_path,
                env=env,
                capture_output=True,
                text=True,
                timeout=50,
            )
            assert asked.stdout == "from the project True\n", asked.stderr + output(tmp_path)
            worker.send_signal(signal.SIGTERM)
            assert worker.wait(60) == 0
        finally:
            worker.kill()
            worker.wait()


FIRST = """
import os, signal, subprocess, sys, time
from dutiful.worker.isolation import first_process
first_process._FIRST = os.getpid()
import ctypes
ctypes.CDLL(None).prctl(36, 1)  # PR_SET_CHILD_SUBREAPER: orphans come here, as to process 1
first_process.leave_first_process()
print(os.getppid(), flush=True)
if os.fork() == 0:
    if os.fork() == 0:
        os._exit(0)  # an orphan as soon as its parent has ended
    os._exit(0)
os.wait()
signal.signal(signal.SIGTERM, lambda *_: os._exit(7))
print("ready", flush=True)
time.sleep(60)
"""


def test_the_first_process_waits_for_orphans_and_passes_signals_on() -> None:
    first = subprocess.Popen([sys.executable, "-c", FIRST], stdout=subprocess.PIPE, text=True)
    assert first.stdout is not None
    try:
        assert int(first.stdout.readline()) == first.pid
        assert first.stdout.readline() == "ready\n"
        children = Path(f"/proc/{first.pid}/task/{first.pid}/children")
        wait_until(lambda: len(children.read_text().split()) == 1)
        first.send_signal(signal.SIGTERM)
        assert first.wait(60) == 7
    finally:
        first.kill()
        first.wait()
        first.stdout.close()
