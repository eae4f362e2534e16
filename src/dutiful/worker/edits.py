"""Watches the Python files of a folder and reports when one has changed."""

from __future__ import annotations

import asyncio
import logging
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from time import monotonic

from dutiful.contract.beside import beside

_LOG = logging.getLogger("dutiful")

_PAUSE = 0.5
"""Seconds between two scans of the folder."""
_SHARE = 4
"""A scan that takes long is followed by a pause of this many times its duration."""


async def watch(top: Path, changed: Callable[[], None]) -> None:
    """Call ``changed`` after each change below a folder, until cancelled.

    An error while looking is logged, once, and the watching goes on: a developer would not notice
    that it had stopped.
    """
    before: dict[str, int] | None = None
    reported = ""
    while True:
        begun = monotonic()
        try:
            after = await beside(partial(stamps, top))
            former, before = before, after
            if former is not None and after != former:
                changed()
            reported = ""
        except Exception as error:  # noqa: BLE001 - it is logged, and the next look may be better
            why = f"{type(error).__name__}: {error}"
            if why != reported:
                _LOG.error("cannot look for changed files (%s); trying again", why)
            reported = why
        await asyncio.sleep(max(_PAUSE, _SHARE * (monotonic() - begun)))


def stamps(top: Path) -> dict[str, int]:
    """Return the time of the last change of each Python file below a folder, and of links in it.

    Hidden folders inside it and those of compiled files are left out.
    """
    found: dict[str, int] = {}
    folders, seen = [str(top)], set[tuple[int, int]]()
    with suppress(OSError):
        seen.add(_place(top.stat()))
    while folders:
        below: list[str] = []
        for path, status in _entries(folders.pop()):
            if not stat.S_ISDIR(status.st_mode):
                found[path] = status.st_mtime_ns
            elif (place := _place(status)) not in seen:  # links may form a circle
                seen.add(place)
                below.append(path)
        folders += reversed(below)
    return found


def _place(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino


def _entries(folder: str) -> Iterator[tuple[str, os.stat_result]]:
    """Return a folder's folders and Python files, in order, links as what they lead to.

    What disappears meanwhile, or may not be read, is left out.
    """
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        return
    for name in names:
        if name.startswith(".") or name == "__pycache__":
            continue
        path = os.path.join(folder, name)
        try:
            status = os.stat(path)
        except OSError:
            continue
        if stat.S_ISDIR(status.st_mode) or name.endswith(".py"):
            yield path, status
