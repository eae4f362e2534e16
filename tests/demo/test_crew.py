"""A child that fails is heard: its last words are in the error."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from dutiful.demo.crew import ChildFailed, Crew


@pytest.fixture
async def crew(tmp_path: Path) -> AsyncIterator[Crew]:
    crew = Crew(tmp_path, tmp_path, f"sqlite:///{tmp_path}/jobs.db", life=60)
    yield crew
    await crew.close()


async def test_crashed_worker_is_reported_with_its_output(crew: Crew) -> None:
    child = await crew.worker("nope:app", 1)
    assert child.condition == "working"
    await child.process.wait()
    with pytest.raises(ChildFailed, match=r"worker 1 ended with code 2\n.*no module 'nope'"):
        crew.check()


async def test_killed_worker_is_no_crash(crew: Crew) -> None:
    child = await crew.worker("nope:app", 1)
    crew.kill(child)
    await child.process.wait()
    crew.check()
    assert child.condition == "killed"


async def test_gateway_that_cannot_start_is_reported(crew: Crew, tmp_path: Path) -> None:
    with pytest.raises(ChildFailed, match="the gateway did not start") as bad:
        await crew.gateway(tmp_path / "missing" / "ledger.jsonl", 1)
    assert "FileNotFoundError" in str(bad.value)


async def test_closing_ends_every_child(crew: Crew, tmp_path: Path) -> None:
    address = await crew.gateway(tmp_path / "ledger.jsonl", 1)
    host, port = address.split(":")
    await crew.close()
    with pytest.raises(OSError, match="onnect"):
        await asyncio.open_connection(host, int(port))
