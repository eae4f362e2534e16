"""The dead-man's signal reaches a real receiver from a real worker, and ends with its work."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from dutiful import App
from dutiful.core.errors import BadOption, NotSent
from dutiful.core.event import PingsStopped
from dutiful.observe.dead_man import DeadManUrl
from dutiful.worker.options import WorkerOptions
from dutiful.worker.worker import Worker
from tests.observe.receiver import Receiver, never, status
from tests.until import until, wait_until


async def test_what_is_called(receiver: Receiver) -> None:
    for path in ("/uuid", "/uuid/", "/uuid?a=b"):
        url = DeadManUrl(receiver.url + path)
        await url.ping()
        await url.fail("the scheduler is late \ud800")
    assert [(got.method, got.path) for got in receiver.got] == [
        *(("GET", "/uuid"), ("POST", "/uuid/fail")),
        *(("GET", "/uuid/"), ("POST", "/uuid/fail")),
        *(("GET", "/uuid?a=b"), ("POST", "/uuid/fail?a=b")),
    ]
    assert receiver.got[1].body == b"the scheduler is late ?"
    assert "uuid" not in repr(DeadManUrl(f"{receiver.url}/uuid"))


async def test_a_receiver_that_hangs_is_left_in_time(receiver: Receiver) -> None:
    receiver.answers.append(never)
    with pytest.raises(NotSent, match=r"no answer within 0\.2 s"):
        await DeadManUrl(receiver.url, 0.2).ping()


def test_another_url_is_refused() -> None:
    with pytest.raises(BadOption):
        DeadManUrl("slack://a/b/c")


async def test_a_worker_sends_it_while_it_works(receiver: Receiver) -> None:
    app = App("memory://", dead_man_url=f"{receiver.url}/uuid", dead_man_every="1s")
    worker = Worker(app, WorkerOptions(lease=app.settings.leases()))
    running = asyncio.create_task(worker.run())
    await until(lambda: len(receiver.got) >= 2)
    assert {(got.method, got.path) for got in receiver.got} == {("GET", "/uuid")}
    worker.stop()
    await running
    await app.close()


async def test_a_worker_without_the_setting_sends_none(receiver: Receiver) -> None:
    app = App("memory://")
    worker = Worker(app, WorkerOptions(lease=app.settings.leases(), burst=True))
    await worker.run()
    await app.close()
    assert receiver.got == []


async def test_a_monitor_that_fails_is_reported_once(receiver: Receiver) -> None:
    receiver.answers.extend([status(500)] * 3)
    app = App("memory://", dead_man_url=f"{receiver.url}/uuid", dead_man_every="1s")
    seen: list[PingsStopped] = []
    app.bus.subscribe(lambda event: seen.append(event) if isinstance(event, PingsStopped) else None)
    worker = Worker(app, WorkerOptions(lease=app.settings.leases()))
    running = asyncio.create_task(worker.run())
    await until(lambda: len(receiver.got) >= 4)
    worker.stop()
    await running
    await app.close()
    assert seen == [PingsStopped("the monitor did not take it: answered 500")]


@pytest.mark.slow
def test_when_the_worker_stops_there_is_silence(receiver: Receiver, tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text("from dutiful import App\napp = App('sqlite:///jobs.db')\n")
    environ = {
        **os.environ,
        "DUTIFUL_DEAD_MAN_URL": f"{receiver.url}/uuid",
        "DUTIFUL_DEAD_MAN_EVERY": "1s",
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "dutiful", "worker", "shop:app"],
        cwd=tmp_path,
        env=environ,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        wait_until(lambda: len(receiver.got) >= 2)
        process.send_signal(signal.SIGSTOP)
        # What was under way arrives; then nothing does, for as long as the worker stands still.
        silent = len(receiver.got) + 1
        with pytest.raises(AssertionError):
            wait_until(lambda: len(receiver.got) > silent, 3)
        process.send_signal(signal.SIGCONT)
        wait_until(lambda: len(receiver.got) > silent)
    finally:
        process.send_signal(signal.SIGCONT)
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 0, said
    assert "uuid" not in said
