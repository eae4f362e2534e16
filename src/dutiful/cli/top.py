"""``dutiful top``: a live view of queues, workers, failures and schedules."""

from __future__ import annotations

import importlib.util
import os
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from dutiful.cli import as_json, render
from dutiful.cli.expand import expand
from dutiful.cli.failure import Wrong, coloured
from dutiful.cli.options import Common
from dutiful.cli.target import OpenTarget, reach
from dutiful.core.instant import SECOND, span
from dutiful.manage.live_frames import Frames
from dutiful.manage.reading import micros

if TYPE_CHECKING:
    from dutiful.manage.frame_records import Frame

_EVERY_MIN, _EVERY_MAX = 0.2, 3600.0
_PAGE_WIDTH = 100
"""Of a frame that is not written to a terminal."""


@expand
def top(
    *,
    every: Annotated[
        str,
        typer.Option(
            "--every", "-i", metavar="SPAN", help="How often to ask the store, such as 500ms."
        ),
    ] = "2s",
    once: Annotated[bool, typer.Option("--once", help="Print one frame and end.")] = False,
    common: Common,
) -> None:
    """Watch queues, workers, failures and schedules live; pause, drain, open jobs by keys.

    The first line says whether everything is well. ? shows the keys, q quits. One frame is printed
    with --once or --json, and where stdout is not a terminal. The store is asked gently: jobs are
    counted less often where that takes long.
    """
    seconds = _seconds(every)
    if not (once or common.json) and _on_a_screen():
        _watch(common, seconds)
        return

    async def body(opened: OpenTarget) -> None:
        frame = await Frames(opened.app).atake()
        if common.json:
            from dutiful.cli.live.frame_json import frame_object

            as_json.emit(frame_object(frame))
        else:
            _print(opened.url, frame, seconds)

    reach(common, body)


def _seconds(every: str) -> float:
    seconds = span(every) / SECOND
    if not _EVERY_MIN <= seconds <= _EVERY_MAX:
        raise Wrong(f"--every {every} is out of range", "use 200ms to 1h")
    return seconds


def _watch(common: Common, seconds: float) -> None:
    if (why := _unfit()) is not None:
        raise Wrong(f"no live view: {why}", "add --once to print one frame")
    from dutiful.cli.live.program import Program
    from dutiful.cli.live.terminal import Terminal

    async def body(opened: OpenTarget) -> None:
        with Terminal() as terminal:
            await Program(opened.app, opened.url, seconds, terminal).run()

    reach(common, body)


def _on_a_screen() -> bool:
    return sys.stdout.isatty()


def _keys_can_come() -> bool:
    return sys.stdin.isatty()


def _unfit() -> str | None:
    """Say why no screen can be shown here; None where it can."""
    if importlib.util.find_spec("termios") is None:
        return "this system has no terminal modes (termios), as Windows"
    if not _keys_can_come():
        return "stdin is not a terminal, which keys could come from"
    if os.environ.get("TERM", "dumb") in ("dumb", ""):
        return "this terminal cannot move its cursor (TERM=dumb)"
    return None


def _print(url: str, frame: Frame, seconds: float) -> None:
    from dutiful.cli.live.layout import Scene, whole
    from dutiful.cli.live.written import written

    width = render.screen().width
    if not sys.stdout.isatty() and width > 1_000:
        width = _PAGE_WIDTH
    scene = Scene(url, frame, micros(frame.at), seconds)
    for line in written(whole(scene, width), width, colours=coloured(sys.stdout)):
        sys.stdout.write(line.rstrip() + "\n")
