"""The running screen with a store that hangs or breaks, and a terminal that is not one."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator, Sequence
from typing import Any, cast

import pytest
from rich.text import Text

from dutiful import App
from dutiful.cli.live import program
from dutiful.cli.live.program import Program
from dutiful.cli.live.terminal import Terminal
from tests.until import until

from .frames import usual


class Paper:
    """Keeps what is drawn; keys come through a pipe."""

    def __init__(self) -> None:
        self.stdin, self.keys = os.pipe()
        self.text = ""

    def size(self) -> tuple[int, int]:
        return 80, 24

    def forget(self) -> None: ...

    def draw(self, lines: Sequence[Text], width: int) -> None:
        self.text = "\n".join(line.plain for line in lines)


@pytest.fixture
def paper() -> Iterator[Paper]:
    made = Paper()
    yield made
    os.close(made.stdin)
    os.close(made.keys)


def run_on(paper: Paper, monkeypatch: pytest.MonkeyPatch, atake: Any) -> asyncio.Task[None]:
    monkeypatch.setattr(program, "_PATIENCE", 0.02)
    monkeypatch.setattr(program, "_TICK", 0.02)
    made = Program(App("memory://"), "memory://", 0.2, cast(Terminal, paper))
    monkeypatch.setattr(made._frames, "atake", atake)
    return asyncio.get_running_loop().create_task(made.run())


async def test_a_store_that_hangs_is_shown_and_keys_go_on_working(
    paper: Paper, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames = iter([usual()])

    async def atake() -> Any:
        found = next(frames, None)
        if found is None:
            await asyncio.Event().wait()
        return found

    running = run_on(paper, monkeypatch, atake)
    await until(lambda: "has not answered for 0s" in paper.text)
    assert "billing" in paper.text
    assert "trying again" in paper.text
    os.write(paper.keys, b"?")
    await until(lambda: "Keys and columns" in paper.text)
    os.write(paper.keys, b"q")
    await until(lambda: "QUEUES" in paper.text)
    os.write(paper.keys, b"\x1b")
    async with asyncio.timeout(30):
        await running


async def test_a_store_that_hangs_from_the_start_can_be_left(
    paper: Paper, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = run_on(paper, monkeypatch, asyncio.Event().wait)
    await until(lambda: "has not answered" in paper.text)
    os.write(paper.keys, b"pq")
    async with asyncio.timeout(30):
        await running


async def test_an_error_of_our_own_ends_the_screen(
    paper: Paper, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def atake() -> Any:
        raise ZeroDivisionError("a mistake")

    with pytest.raises(ZeroDivisionError, match="a mistake"):
        await run_on(paper, monkeypatch, atake)


async def test_a_terminal_that_is_gone_ends_the_screen(
    paper: Paper, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def atake() -> Any:
        return usual()

    running = run_on(paper, monkeypatch, atake)
    await until(lambda: "billing" in paper.text)
    os.close(paper.keys)
    async with asyncio.timeout(30):
        await running
    paper.keys = os.open(os.devnull, os.O_RDONLY)
