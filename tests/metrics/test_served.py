"""What real workers serve: one process, several under a supervisor, and none by default."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.metrics.workers import Served, worker
from tests.until import wait_until

SETTLED = "dutiful_jobs_settled_total"
DEFAULT = {"DUTIFUL_URL": "sqlite:///jobs.db"}
SHOP = """
import asyncio, os, sys, time
from dutiful import App

app = App()

@app.task
async def fine(number: int) -> None: ...

@app.task
def block(seconds: float) -> None:
    time.sleep(seconds)

@app.task
async def block_the_loop(seconds: float) -> None:
    time.sleep(seconds)

@app.task
async def name_process() -> int:
    return os.getpid()

if __name__ == "__main__":
    name, *arguments = sys.argv[1:]
    if name == "fine":
        app.enqueue_many(fine.job(number) for number in range(int(arguments[0])))
    else:
        globals()[name].enqueue(*map(float, arguments))
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "shop.py").write_text(SHOP)
    return tmp_path


def enqueue(folder: Path, *words: str) -> None:
    environ = {**os.environ, **DEFAULT}
    command = [sys.executable, "shop.py", *words]
    subprocess.run(command, cwd=folder, env=environ, check=True, timeout=60)


def settled(served: Served) -> float:
    return served.value(SETTLED, outcome="succeeded", task="fine")


def children(served: Served) -> list[int]:
    """Return the pids of the processes of a supervisor."""
    listed = Path(f"/proc/{served.process.pid}/task/{served.process.pid}/children")
    return [int(pid) for pid in listed.read_text().split()]


def test_one_worker_serves_what_it_does(folder: Path) -> None:
    with worker(folder, "shop:app", environ=DEFAULT) as served:
        enqueue(folder, "fine", "50")
        enqueue(folder, "block", "60")
        wait_until(lambda: settled(served) == 50)
        wait_until(lambda: served.value("dutiful_worker_slots_used", process="1") == 1)
        assert served.value("dutiful_job_run_seconds_count", task="fine") == 50
        assert served.value("dutiful_job_queue_wait_seconds_count", task="fine") == 50
        assert served.value("dutiful_worker_slots", process="1") == 16
        assert served.value("dutiful_worker_longest_attempt_seconds", task="block") > 0
        assert served.value("dutiful_worker_resident_bytes") > 2**20
        assert served.value("dutiful_store_call_seconds_count", operation="exchange") > 0
        wait_until(lambda: served.value("dutiful_store_jobs_enqueued_total") == 51)
        assert served.value("dutiful_workers", state="alive") == 1
        assert served.get("/healthz") == (200, "ok\n")
        assert "metrics are served at http://127.0.0.1:" in served.log.read_text()
        plain = served.get("/metrics", accept="text/plain")[1]
        assert "# EOF" not in plain
        assert f"# TYPE {SETTLED} counter" in plain


def test_a_loop_that_is_blocked_still_serves_and_is_not_ready(folder: Path) -> None:
    environ = {**DEFAULT, "DUTIFUL_LEASE": "2s", "DUTIFUL_HEARTBEAT": "500ms"}
    with worker(folder, "shop:app", environ=environ) as served:
        enqueue(folder, "block_the_loop", "6")
        wait_until(lambda: "its loop has not answered for" in served.get("/readyz")[1])
        assert served.get("/readyz")[0] == 503
        assert served.get("/healthz")[0] == 200  # it is restarted only after `hung_after`
        assert served.value("dutiful_worker_ready") == 0
        wait_until(lambda: served.value("dutiful_worker_loop_lag_seconds") > 2)
        wait_until(lambda: served.ready())


def test_a_supervisor_serves_the_sum_and_no_counter_falls(folder: Path) -> None:
    with worker(folder, "shop:app", "-p", "2", environ=DEFAULT) as served:
        wait_until(lambda: served.value("dutiful_worker_ready") == 2)
        enqueue(folder, "fine", "500")
        wait_until(lambda: settled(served) == 500)
        for process in ("1", "2"):
            assert served.value("dutiful_worker_slots", process=process) == 16
        before = children(served)
        os.kill(before[0], signal.SIGKILL)
        seen: list[float] = []

        def replaced() -> bool:
            seen.append(settled(served))
            return served.value("dutiful_worker_ready") == 2 and before[0] not in children(served)

        wait_until(replaced)
        enqueue(folder, "fine", "100")
        wait_until(lambda: settled(served) == 600)
        assert set(seen) == {500}


def test_counts_of_replaced_processes_are_complete(folder: Path) -> None:
    options = ("--jobs-max", "40", "-c", "4")
    with worker(folder, "shop:app", *options, environ=DEFAULT) as served:
        first = children(served)
        enqueue(folder, "fine", "300")
        wait_until(lambda: settled(served) >= 300)
        assert settled(served) == 300
        assert served.value("dutiful_job_run_seconds_count", task="fine") == 300
        assert children(served) != first


def test_a_process_that_does_not_answer_holds_up_no_scrape(folder: Path) -> None:
    with worker(folder, "shop:app", "-p", "2", environ=DEFAULT) as served:
        wait_until(lambda: served.value("dutiful_worker_ready") == 2)
        enqueue(folder, "fine", "50")
        wait_until(lambda: settled(served) == 50)
        frozen = children(served)[0]
        os.kill(frozen, signal.SIGSTOP)
        try:
            began = time.monotonic()
            assert settled(served) == 50
            assert time.monotonic() - began < 10
            assert served.value("dutiful_worker_healthy") == 1
            status, text = served.get("/healthz")
            assert (status, "does not answer" in text) == (200, True), text
        finally:
            os.kill(frozen, signal.SIGCONT)
        wait_until(lambda: served.value("dutiful_worker_healthy") == 2)


@pytest.mark.parametrize("options", [(), ("-p", "2")], ids=["one", "two"])
def test_a_port_in_use_is_wrong_usage(folder: Path, options: tuple[str, ...]) -> None:
    with worker(folder, "shop:app", environ=DEFAULT) as served:
        done = run(folder, *options, "--metrics", served.address)
        assert done.returncode == 2
        assert (
            f"metrics cannot be served on {served.address}: Address already in use" in done.stderr
        )


@pytest.mark.parametrize("options", [(), ("-p", "2")], ids=["one", "two"])
def test_a_wrong_address_is_wrong_usage(folder: Path, options: tuple[str, ...]) -> None:
    done = run(folder, *options, "--metrics", "9464:127.0.0.1")
    assert (done.returncode, "write HOST:PORT" in done.stderr) == (2, True), done.stderr


@pytest.mark.parametrize("options", [(), ("-p", "2")], ids=["one", "two"])
def test_without_prometheus_client_metrics_are_refused_and_all_else_works(
    folder: Path, options: tuple[str, ...]
) -> None:
    hidden = folder / "hidden" / "prometheus_client"
    shutil.copytree(hide(folder), hidden, dirs_exist_ok=True)
    environ = {"PYTHONPATH": str(hidden.parent)}
    done = run(folder, *options, "--metrics", "127.0.0.1:0", **environ)
    assert done.returncode == 2, done.stderr
    assert "install dutiful[metrics]" in done.stderr
    done = run(folder, *options, "--burst", **environ)
    assert done.returncode == 0, done.stderr


def hide(folder: Path) -> Path:
    """Make a package that cannot be imported."""
    made = folder / "none"
    made.mkdir()
    (made / "__init__.py").write_text("raise ImportError('not installed')\n")
    return made


def test_the_setting_does_what_the_option_does(folder: Path) -> None:
    environ = {"DUTIFUL_METRICS": "127.0.0.1:0"}
    done = run(folder, "--burst", **environ)
    assert "metrics are served at http://127.0.0.1:" in done.stderr
    assert "metrics are served" not in run(folder, "--burst").stderr


def run(folder: Path, *options: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run a worker to its end."""
    return subprocess.run(
        [sys.executable, "-m", "dutiful", "worker", "shop:app", *options],
        cwd=folder,
        env={**os.environ, **DEFAULT, **environ},
        capture_output=True,
        text=True,
        timeout=60,
    )
