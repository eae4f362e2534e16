"""``dutiful dead redrive --set`` says what becomes of the steps of the old arguments."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from dutiful.core.outcome import Discarded
from dutiful.engines.sqlite import SqliteEngine
from dutiful.testing.conformance.moves import add, end, hand, one
from tests.cli.conftest import Run


async def dead(path: Path) -> str:
    engine = SqliteEngine(path)
    await engine.open()
    await engine.fleet.join(hand("w1"))
    job_id = await add(engine, args=b'{"total":10}')
    claim = await one(engine)
    await engine.consumer.record_step(claim, "charge", b"10")
    await end(engine, claim, Discarded("no use"))
    await engine.close()
    return job_id


@pytest.mark.parametrize(
    ("words", "dropped"),
    [(["--set", "total=20"], True), (["--set", "total=10"], False), ([], False)],
)
def test_steps_go_with_their_arguments(
    tmp_path: Path, run: Run, words: list[str], dropped: bool
) -> None:
    url = ("--url", f"sqlite:///{tmp_path / 'jobs.db'}")
    job_id = asyncio.run(dead(tmp_path / "jobs.db"))
    said = run("dead", "redrive", job_id, *words, *url)
    assert said.code == 0
    assert ("--keep-steps would have kept them" in said.out) == dropped
    assert run("jobs", "show", job_id, "--json", *url).json["steps"] == (
        {} if dropped else {"charge": 10}
    )


def test_they_may_be_kept(tmp_path: Path, run: Run) -> None:
    url = ("--url", f"sqlite:///{tmp_path / 'jobs.db'}")
    job_id = asyncio.run(dead(tmp_path / "jobs.db"))
    said = run("dead", "redrive", job_id, "--set", "total=20", "--keep-steps", *url)
    assert "dropped" not in said.out
    assert run("jobs", "show", job_id, "--json", *url).json["steps"] == {"charge": 10}
