"""What ends the demo before its verdict becomes one line and an exit code."""

import asyncio
import signal
from pathlib import Path
from typing import Any, cast

import pytest

from dutiful.cli.failure import Code
from dutiful.core.errors import DutifulError
from dutiful.demo.failure import DemoFailed
from dutiful.demo.processes import ChildFailed
from dutiful.servers.failure import ServerFailed, ServerMissing
from tests.cli.conftest import Run


class Silent:
    """A process that has said nothing."""

    def last_lines(self) -> str:
        return ""


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ChildFailed("worker 1 ended with code 2", cast(Any, Silent())), Code.FAULT),
        (DemoFailed("not done after 60 s"), Code.FAULT),
        (ServerFailed("initdb failed: no space"), Code.FAULT),
        (ServerMissing("this needs a PostgreSQL server"), Code.USAGE),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_ends_the_demo_has_its_exit_code(
    run: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    error: DutifulError,
    code: Code,
) -> None:
    async def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr("dutiful.demo.run._run", fail)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    said = run("demo")
    assert (said.code, said.err) == (code, f"error: {error}\n")
    assert run("demo", "--json").error == {"type": "CommandFailed", "message": str(error)}
    assert list(tmp_path.iterdir()) == []


def test_a_signal_ends_the_demo_as_ctrl_c_does(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def stopped(*_: object) -> None:
        raise asyncio.CancelledError(signal.SIGTERM)

    monkeypatch.setattr("dutiful.demo.run._run", stopped)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    said = run("demo")
    assert (said.code, said.err) == (Code.INTERRUPTED, "error: ended by a signal\n")
    assert list(tmp_path.iterdir()) == []
