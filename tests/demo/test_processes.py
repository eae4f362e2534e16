"""A child that fails is heard: the end of its output is in the error."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from dutiful.demo.processes import ChildFailed, Processes


@pytest.fixture
async def processes(tmp_path: Path) -> AsyncIterator[Processes]:
    processes = Processes(tmp_path, tmp_path, f"sqlite:///{tmp_path}/jobs.db", life=60)
    yield processes
    await processes.close()


async def test_crashed_worker_is_reported_with_its_output(processes: Processes) -> None:
    child = await processes.start_worker("nope:app", 1)
    assert child.condition == "working"
    await child.process.wait()
    with pytest.raises(ChildFailed, match=r"worker 1 ended with code 2\n.*no module 'nope'"):
        processes.check()


async def test_killed_worker_is_no_crash(processes: Processes) -> None:
    child = await processes.start_worker("nope:app", 1)
    processes.kill(child)
    await child.process.wait()
    processes.check()
    assert child.condition == "killed"


async def test_gateway_that_cannot_start_is_reported(processes: Processes, tmp_path: Path) -> None:
    with pytest.raises(ChildFailed, match="the gateway did not start") as bad:
        await processes.start_gateway(tmp_path / "missing" / "ledger.jsonl", 1)
    assert "FileNotFoundError" in str(bad.value)


async def test_closing_ends_every_child(processes: Processes, tmp_path: Path) -> None:
    address = await processes.start_gateway(tmp_path / "ledger.jsonl", 1)
    host, port = address.split(":")
    await processes.close()
    with pytest.raises(OSError, match="onnect"):
        await asyncio.open_connection(host, int(port))
