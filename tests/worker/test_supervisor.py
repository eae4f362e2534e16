"""Worker processes are kept running, and a broken one is no loop."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from dutiful import App
from tests.until import until, wait_until
from tests.worker import isolated
from tests.worker import jobs as cpu
from tests.worker.support import ended, marks, output, process, stored

WORKERS = ("dutiful", "worker", "tests.worker.jobs:app", "-c", "2")
LINE = "worker process"

HASTY = """
import asyncio, sys
from dutiful.worker import crash_streak, supervisor
from dutiful.worker.options import WorkerOptions
from dutiful.worker.serve import Orders
crash_streak._BACKOFF_FIRST, supervisor._CRASHES_MAX = 0.01, 3
supervisor._INSTANT = 30.0  # a busy machine takes its time to start a process
orders = Orders(sys.argv[1], "memory://", WorkerOptions())
raise SystemExit(asyncio.run(supervisor.Supervisor(orders, 1).run()))
"""


def children(pid: int) -> list[int]:
    """Return the worker processes of a supervisor."""
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(child) for child in found if b"worker.serve" in _command(int(child))]


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def alive(pid: int) -> bool:
    return b"worker.serve" in _command(pid)


def joined(path: Path) -> int:
    return output(path).count(" serves ")


async def test_a_killed_child_is_replaced(jobs: App, tmp_path: Path) -> None:
    with process(*WORKERS, "--processes", "2", path=tmp_path) as supervisor:
        await until(lambda: joined(tmp_path) == 2)
        before = children(supervisor.pid)
        os.kill(before[0], signal.SIGKILL)
        await until(lambda: joined(tmp_path) == 3)
        assert len(children(supervisor.pid)) == 2
        assert "signal SIGKILL; starting another" in output(tmp_path)
        # Every user of the host can read a command line, and a URL may hold a password.
        assert not any(b"sqlite:" in _command(child) for child in children(supervisor.pid))
        await (await cpu.rest.aenqueue("a", 0)).aresult(timeout=60)
        supervisor.send_signal(signal.SIGTERM)
        assert supervisor.wait(60) == 0


@pytest.mark.parametrize("code", [0, 2, 75, 78])
async def test_a_task_that_ends_its_process_ends_no_other(
    isolation: App, tmp_path: Path, code: int
) -> None:
    line = ("dutiful", "worker", "tests.worker.isolated:app", "-c", "2")
    with process(*line, "--processes", "2", path=tmp_path) as supervisor:
        await until(lambda: joined(tmp_path) == 2)
        ends = await isolated.end_the_process.aenqueue(code)
        job = await ended(isolation, ends.id)
        assert (job.state.word, job.reason, job.crashes) == ("dead", "worker-lost", 1)
        await until(lambda: joined(tmp_path) == 3)
        assert f"ended with exit code {code}; starting another" in output(tmp_path)
        await (await isolated.see_in_thread.aenqueue("one")).aresult(timeout=60)
        assert len(children(supervisor.pid)) == 2
        supervisor.send_signal(signal.SIGTERM)
        assert supervisor.wait(60) == 0


async def test_a_task_that_ends_its_process_ends_no_burst(isolation: App, tmp_path: Path) -> None:
    ends = await isolated.end_the_process.aenqueue(0)
    line = ("dutiful", "worker", "tests.worker.isolated:app", "--burst", "--jobs-max", "99")
    with process(*line, path=tmp_path) as supervisor:
        assert supervisor.wait(60) == 0
    assert (await stored(isolation, ends.id)).reason == "worker-lost"
    assert output(tmp_path).count("starting another") == 1


async def test_usr1_reaches_the_children(jobs: App, tmp_path: Path) -> None:
    with process(*WORKERS, "--processes", "2", path=tmp_path) as supervisor:
        await until(lambda: joined(tmp_path) == 2)
        supervisor.send_signal(signal.SIGUSR1)
        # Each child writes its threads first. Which of them is the current one is not told where a
        # thread that has only just begun takes the signal.
        await until(lambda: output(tmp_path).count("coro=<serve.<locals>.main()") == 2)
        assert output(tmp_path).count(" (most recent call first):") >= 2
        assert len(children(supervisor.pid)) == 2


async def test_children_drain_when_the_supervisor_is_killed(jobs: App, tmp_path: Path) -> None:
    with process(*WORKERS, "--processes", "2", path=tmp_path) as supervisor:
        await until(lambda: joined(tmp_path) == 2)
        handle = await cpu.rest.aenqueue("a", 1)
        await until(lambda: marks(tmp_path))
        pids = children(supervisor.pid)
        supervisor.kill()
        await until(lambda: not any(alive(pid) for pid in pids))
    job = await stored(jobs, handle.id)
    assert (job.state.word, job.attempt, job.crashes) == ("succeeded", 1, 0)


@pytest.mark.parametrize("limit", [("--jobs-max", "3"), ("--rss-mb-max", "1")])
async def test_a_child_is_replaced_when_it_has_done_enough(
    jobs: App, tmp_path: Path, limit: tuple[str, str]
) -> None:
    with process(*WORKERS, *limit, path=tmp_path) as supervisor:
        for number in range(9):
            await (await cpu.rest.aenqueue(f"{number}", 0)).aresult(timeout=60)
        await until(lambda: joined(tmp_path) >= 3)
        assert "starting another" not in output(tmp_path)
        supervisor.send_signal(signal.SIGTERM)
        assert supervisor.wait(60) == 0


SCARCE = """
import errno, os, subprocess, sys
start, starts = subprocess.Popen, []
def scarce(*given, **more):
    starts.append(1)
    if len(starts) in (3, 4):
        raise BlockingIOError(errno.EAGAIN, "no process left")
    return start(*given, **more)
def closed(pid):
    raise OSError(errno.EMFILE, "no descriptor left")
subprocess.Popen = scarce
if sys.argv[2] == "without":
    os.pidfd_open = closed
"""


@pytest.mark.parametrize("descriptors", ["with", "without"])
def test_one_that_cannot_be_started_is_tried_again_and_ends_no_other(
    tmp_path: Path, descriptors: str
) -> None:
    (tmp_path / "sound.py").write_text("from dutiful import App\napp = App()\n")
    script = SCARCE + HASTY.replace("orders, 1", "orders, 2")
    with (tmp_path / "output").open("ab") as said:
        running = subprocess.Popen(
            [sys.executable, "-c", script, "sound:app", descriptors],
            env={**os.environ, "PYTHONPATH": str(tmp_path)},
            stdout=said,
            stderr=said,
        )
    try:
        wait_until(lambda: joined(tmp_path) == 2)
        first, second = children(running.pid)
        os.kill(first, signal.SIGKILL)
        wait_until(lambda: joined(tmp_path) == 3 or running.poll() is not None)
        assert second in children(running.pid)
        assert output(tmp_path).count("cannot be started") == 1
        assert "no process left" in output(tmp_path)
        running.send_signal(signal.SIGTERM)
        assert running.wait(60) == 0
    finally:
        running.kill()


def hasty(path: Path, module: str) -> tuple[int, str]:
    """Supervise an app with short pauses; return the exit code and what was said."""
    (path / "broken.py").write_text(module)
    with (path / "output").open("ab") as said:
        command = [sys.executable, "-c", HASTY, "broken:app"]
        pid = os.posix_spawn(
            sys.executable,
            command,
            {**os.environ, "PYTHONPATH": str(path)},
            file_actions=[
                (os.POSIX_SPAWN_DUP2, said.fileno(), 1),
                (os.POSIX_SPAWN_DUP2, said.fileno(), 2),
            ],
        )
    status: list[int] = []

    def gone() -> bool:
        found, code = os.waitpid(pid, os.WNOHANG)
        if found:
            status.append(os.waitstatus_to_exitcode(code))
        return bool(found)

    wait_until(gone)
    return status[0], output(path)


def test_crashes_at_once_are_given_up(tmp_path: Path) -> None:
    code, said = hasty(tmp_path, "import os\nos._exit(9)\n")
    assert code == 1
    assert "failed 3 times in a row; giving up" in said


def test_a_child_that_crashes_does_not_end_one_that_serves(tmp_path: Path) -> None:
    (tmp_path / "one.py").write_text(
        """
import os, time
from dutiful import App

def first(name):
    try:
        os.close(os.open(name, os.O_CREAT | os.O_EXCL))
        return True
    except FileExistsError:
        return False

app = App()
if first("serves"):
    print("serving", flush=True)
else:
    if first("waited"):
        while time.time() < os.stat("serves").st_mtime + 2.5:
            time.sleep(0.05)
    print("crash", flush=True)
    os._exit(9)
"""
    )
    script = HASTY.replace("orders, 1", "orders, 2").replace(
        "orders = ", "supervisor._SETTLED = 2.0; orders = "
    )
    with (tmp_path / "output").open("ab") as said:
        running = subprocess.Popen(
            [sys.executable, "-c", script, "one:app"],
            env={**os.environ, "PYTHONPATH": str(tmp_path)},
            cwd=tmp_path,
            stdout=said,
            stderr=said,
        )
    try:
        wait_until(lambda: output(tmp_path).count("crash") >= 5 or running.poll() is not None)
        assert running.poll() is None, output(tmp_path)
        assert joined(tmp_path) == 1
        running.send_signal(signal.SIGTERM)
        running.wait(60)
    finally:
        running.kill()
    assert "giving up" not in output(tmp_path)


def test_a_child_that_stops_at_once_is_no_loop(tmp_path: Path) -> None:
    code, said = hasty(tmp_path, "import os\nos._exit(0)\n")
    assert code == 1
    assert said.count("starting another") == 2


@pytest.mark.parametrize(
    ("module", "text"),
    [
        ("import nothing_of_that_name\n", "No module named 'nothing_of_that_name'"),
        ("def app(:\n", "SyntaxError"),
        ("import sys\nsys.exit(0)\n", "SystemExit"),
        ("", "has no attribute 'app'"),
    ],
)
def test_a_module_that_cannot_be_imported_is_said_once(
    tmp_path: Path, module: str, text: str
) -> None:
    code, said = hasty(tmp_path, module)
    assert code == 2
    assert text in said
    assert said.count("broken:app cannot be imported") == 1


def test_a_changed_file_replaces_the_children(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    text = "from dutiful import App\napp = App('memory://')\nprint('version {}')\n"
    path.write_text(text.format(1))
    env = {"PYTHONPATH": f"{tmp_path}{os.pathsep}{os.getcwd()}"}
    script = "import os, runpy, sys; os.chdir(sys.argv.pop(1)); runpy.run_module('dutiful')"
    (tmp_path / "start_elsewhere.py").write_text(
        script.replace("'dutiful')", "'dutiful', run_name='__main__')")
    )
    command = ("start_elsewhere", str(tmp_path), "worker", "mine:app", "--reload")
    with process(*command, path=tmp_path, env=env) as supervisor:
        wait_until(lambda: joined(tmp_path) == 1)
        path.write_text("def broken(:\n")
        wait_until(lambda: "mine:app cannot be imported" in output(tmp_path))
        path.write_text(text.format(2))
        wait_until(lambda: joined(tmp_path) == 2)
        assert "version 2" in output(tmp_path)
        supervisor.send_signal(signal.SIGTERM)
        begun = time.monotonic()
        assert supervisor.wait(60) == 0
        assert time.monotonic() - begun < 20
