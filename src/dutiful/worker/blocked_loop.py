"""Finds out what blocks an event loop, from another thread."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from types import FrameType

from .attempt import Running

_DEBUGGERS = frozenset({"pdb", "bdb", "pydevd", "debugpy", "ipdb", "pudb"})
_LINES = 8
"""How many of the innermost calls are named."""
_FRAMES = 500
_NO_CODE_OF_JOBS = ("asyncio", "uvloop", "dutiful")


def frames_of(thread: int) -> list[FrameType]:
    """Return the frames of a thread, the innermost first; none if it has ended."""
    frame = vars(sys)["_current_frames"]().get(thread)  # the documented name begins with _
    found: list[FrameType] = []
    while frame is not None and len(found) < _FRAMES:
        found.append(frame)
        frame = frame.f_back
    return found


def debugged(frames: Iterable[FrameType]) -> bool:
    """Whether a debugger has stopped the thread: a person is at work there, and nothing hangs."""
    return any(_module(frame).partition(".")[0] in _DEBUGGERS for frame in frames)


def blocking_job(frames: Iterable[FrameType], running: Iterable[Running]) -> Running | None:
    """Return the job whose coroutine is among the frames of the loop's thread, if one is."""
    seen = {id(frame) for frame in frames}
    for one in running:
        coroutine = None if one.body is None else one.body.get_coro()
        while coroutine is not None:
            if id(getattr(coroutine, "cr_frame", None)) in seen:
                return one
            coroutine = getattr(coroutine, "cr_await", None)
    return None


def where(frames: list[FrameType]) -> str:
    """Name the innermost line that belongs to neither the loop nor Dutiful; "" if none does."""
    for frame in frames:
        if _module(frame).partition(".")[0] not in _NO_CODE_OF_JOBS:
            return f"{frame.f_code.co_filename}:{frame.f_lineno}, in {frame.f_code.co_qualname}"
    return ""


def stack(frames: list[FrameType]) -> str:
    """Write the innermost calls, outermost first, without any value of theirs."""
    return "\n".join(
        f'  File "{frame.f_code.co_filename}", line {frame.f_lineno}, in {frame.f_code.co_name}'
        for frame in reversed(frames[:_LINES])
    )


def _module(frame: FrameType) -> str:
    name = frame.f_globals.get("__name__", "")
    return name if isinstance(name, str) else ""
